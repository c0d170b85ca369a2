"""Who may know whom: the arrows between the rooms, read from the import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WEB = ("flask", "flask_login", "flask_wtf", "flask_limiter", "flask_smorest", "flask_sqlalchemy", "werkzeug", "wtforms")
DATABASE = ("sqlalchemy", "app.extensions", "app.tables", "app.store.database")
NETWORKS = ("onnxruntime", "torch", "monai")

# A file or folder, and what none of its modules may import.
CLOSED_DOORS: dict[str, tuple[str, ...]] = {
    "imaging": ("app", "training", *WEB, "sqlalchemy", *NETWORKS),
    "training": ("app", *WEB, "sqlalchemy"),
    "app": ("training", "torch", "monai", "sklearn", "matplotlib"),
    "app/inference": (
        *WEB,
        *DATABASE,
        "app.routes",
        "app.workers.tasks",
        "app.reading.analysis",
        "app.store.pictures",
        "app.workers.services",
    ),
    "app/reading/triage.py": (*WEB, *DATABASE, "app.routes", "imaging.files.decode"),
    "app/tables": (
        "app.routes",
        "app.reading.intake",
        "app.reading.analysis",
        "app.workers.tasks",
        "app.workers.services",
    ),
    "app/store/pictures.py": (*WEB, *DATABASE, "app.routes"),
    "app/clinics": ("app.routes", "app.reading.intake", "app.reading.analysis", "app.workers.tasks", "app.inference"),
    "app/reports": ("app.routes", "app.reading.intake", "app.reading.analysis", "app.workers.tasks"),
    "app/reading/analysis.py": (
        "app.routes",
        "app.reading.intake",
        "app.forms",
        "app.pages",
        "app.clinics",
        "app.accounts",
    ),
    "app/workers/tasks.py": ("app.routes", "app.reading.intake", "app.forms", "app.pages"),
    "app/reading/intake.py": ("app.routes", "app.forms", "app.pages", "app.inference"),
    "app/forms": (
        "app.routes",
        "app.reading.intake",
        "app.reading.analysis",
        "app.inference.pipeline",
        "app.extensions",
    ),
    "app/pages": ("app.routes", "app.reading.analysis", "app.inference.pipeline"),
    "benchmarks": ("app.routes",),
}
ONLY_HERE: dict[str, tuple[str, ...]] = {
    "onnxruntime": ("app/inference", "training", "benchmarks"),
    "app.routes": ("app/__init__.py", "app/routes"),
    "app.create_app": ("wsgi.py", "benchmarks", "scripts"),
    "pydicom": ("imaging", "training/datasets"),
}


def modules(place: str) -> Iterator[Path]:
    path = ROOT / place
    yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of everything that a module imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def is_within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize("place", CLOSED_DOORS)
def test_a_room_does_not_import_what_is_closed_to_it(place: str) -> None:
    found = list(modules(place))
    assert found or place == "benchmarks", f"{place} holds no module"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in found
        for name in sorted(imported(path))
        for closed in CLOSED_DOORS[place]
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


def test_nothing_is_named_for_having_no_name() -> None:
    homeless = {"utils", "util", "helpers", "helper", "common", "misc", "stuff"}
    rooms = ["app", "imaging", "training", "tests", "benchmarks"]
    assert [path for room in rooms for path in modules(room) if {path.stem, path.parent.name} & homeless] == []


def test_no_function_of_the_product_is_very_long() -> None:
    """Nine in ten within 40 lines."""
    lengths = [
        node.end_lineno - node.lineno + 1
        for room in ("app", "imaging", "training")
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    ]
    assert len(lengths) > 300
    assert sum(length <= 40 for length in lengths) >= 0.9 * len(lengths)
