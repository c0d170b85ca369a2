"""Who may know whom: the arrows of docs/explanation/rooms.md, held against the import statements. No exceptions."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "explanation" / "rooms.md"
PACKAGES = ("app", "imaging", "training", "server")
MOST_FILES = 16  # of a room, besides its __init__.py
WEB = ("flask", "flask_login", "flask_wtf", "flask_limiter", "flask_smorest", "flask_sqlalchemy", "werkzeug", "wtforms")
NETWORKS = ("onnxruntime", "torch", "monai")

# What the core may not know: libraries, by file or folder.
CLOSED_LIBRARIES: dict[str, tuple[str, ...]] = {
    "imaging": (*WEB, "sqlalchemy", *NETWORKS),
    "training": (*WEB, "sqlalchemy"),
    "app": ("torch", "monai", "sklearn", "matplotlib"),
    "app/inference": (*WEB, "sqlalchemy"),
    "server": ("werkzeug", "sqlalchemy", *NETWORKS),  # gunicorn's first process knows it, before the fork
    "app/reading/triage.py": (*WEB, "sqlalchemy"),
    "app/store/pictures.py": (*WEB, "sqlalchemy"),
    "app/categories.py": (*WEB, "sqlalchemy"),
}
ONLY_HERE: dict[str, tuple[str, ...]] = {
    "onnxruntime": ("app/inference", "training", "benchmarks"),
    "app.routes": ("app/__init__.py", "app/routes"),
    "app.create_app": ("wsgi.py", "benchmarks", "scripts"),
    "pydicom": ("imaging", "training/datasets"),
}


def read_table() -> dict[str, set[str]]:
    """Each room, in the order of the page, with the rooms that it may import."""
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*\|([^|]*)\|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    rooms = [room for room, _ in rows]
    return {room: {_meant(name, room, rooms) for name in re.findall(r"`([\w.]+)`", cell)} for room, cell in rows}


def _meant(name: str, room: str, rooms: list[str]) -> str:
    beside = f"{room.partition('.')[0]}.{name}"
    return beside if beside in rooms else name


ROOMS = read_table()


def modules(place: str) -> Iterator[Path]:
    path = ROOT / place
    yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


OURS = {name_of(path): path for package in PACKAGES for path in modules(package)}


def room_of(module: str) -> str:
    """The innermost room that holds a module."""
    return max((room for room in ROOMS if is_within(module, room)), key=len)


def imported(path: Path) -> set[str]:
    """Full names of everything that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def known(path: Path) -> set[str]:
    """Our own modules that a module imports; a package that only leads to one of its modules is not meant."""
    ours = {name for name in imported(path) if name in OURS}
    return {name for name in ours if not any(other.startswith(f"{name}.") for other in ours)} - {name_of(path)}


def is_within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_row_names(room: str) -> None:
    own = {name: path for name, path in OURS.items() if room_of(name) == room}
    assert own, f"{room} holds no module"
    used = {(name, room_of(other)) for name, path in own.items() for other in known(path) if room_of(other) != room}
    assert [f"{name} imports {other}" for name, other in sorted(used) if other not in ROOMS[room]] == []
    assert ROOMS[room] - {other for _, other in used} == set(), f"{room} need not know these"


def test_every_arrow_runs_down_the_page() -> None:
    order = list(ROOMS)
    up = [
        (room, other) for room, others in ROOMS.items() for other in others if order.index(other) <= order.index(room)
    ]
    assert up == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    order = graphlib.TopologicalSorter({name: known(path) for name, path in OURS.items()})
    assert len(list(order.static_order())) == len(OURS)


def test_no_room_is_crowded_and_none_is_missing_from_the_page() -> None:
    folders = {path.parent for path in OURS.values()}
    crowded = {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len([path for path in folder.glob("*.py") if path.name != "__init__.py"])) > MOST_FILES
    }
    assert crowded == {}
    assert {name_of(folder / "__init__.py") for folder in folders} - set(ROOMS) == set()


def test_every_room_says_what_it_is_for() -> None:
    silent = [
        name for name, path in OURS.items() if path.name == "__init__.py" and not ast.get_docstring(_parsed(path))
    ]
    assert silent == []


def test_the_line_is_told_in_order_by_its_room() -> None:
    room = ROOT / "app" / "reading"
    told = re.findall(r"^(\w+)  +\w", ast.get_docstring(_parsed(room / "__init__.py")) or "", re.MULTILINE)
    assert sorted(told) == sorted(path.stem for path in room.glob("*.py") if path.name != "__init__.py")
    assert [told.index(step) for step in ("intake", "analysis", "triage", "explanation", "layers")] == sorted(
        told.index(step) for step in ("intake", "analysis", "triage", "explanation", "layers")
    )


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("place", CLOSED_LIBRARIES)
def test_the_core_knows_neither_the_web_nor_what_else_is_closed_to_it(place: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(place)
        for name in sorted(imported(path))
        for closed in CLOSED_LIBRARIES[place]
        if is_within(name, closed)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ONLY_HERE)
def test_what_belongs_to_one_room_is_imported_there_only(room: str) -> None:
    places = ["app", "imaging", "training", "benchmarks", "wsgi.py", "gunicorn.conf.py"]
    wrong = [
        str(path.relative_to(ROOT))
        for place in places
        for path in modules(place)
        if any(is_within(name, room) for name in imported(path))
        and not str(path.relative_to(ROOT)).startswith(ONLY_HERE[room])
    ]
    assert wrong == []


def test_the_tests_mirror_the_rooms() -> None:
    """A folder of unit tests has the name of the room that it tests."""
    folders = {
        path.parent.relative_to(ROOT / "tests" / "unit") for path in (ROOT / "tests" / "unit").rglob("test_*.py")
    }
    strangers = {str(folder) for folder in folders if not (ROOT / folder).is_dir()}
    assert strangers == set()


def test_nothing_is_named_for_having_no_name() -> None:
    homeless = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
    rooms = ["app", "imaging", "training", "server", "tests", "benchmarks"]
    assert [path for room in rooms for path in modules(room) if {path.stem, path.parent.name} & homeless] == []


def test_no_function_of_the_product_is_very_long() -> None:
    """Nine in ten within 40 lines."""
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in OURS.values()
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    ]
    assert len(lengths) > 300
    assert sum(length <= 40 for length in lengths) >= 0.9 * len(lengths)
