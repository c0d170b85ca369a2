"""The reference says what the code does: settings, addresses, CSV columns, error codes, OpenAPI, dependencies."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import version
from app.refusals import sentences
from app.reports.image_json import image_json
from imaging.gate import quality

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFUSALS = {
    "RefusedUpload",
    "Objection",
    "UnusablePicture",
    "ModelUnusable",
    "BadPlace",
    "NotReady",
    "Wording",
    "Fault",
    "LeftOut",
}


@pytest.mark.parametrize("name", ["settings.md", "routes.md", "csv.md"])
def test_a_written_table_is_what_the_code_says(app: Flask, name: str) -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "write_reference.py"))["documents"](app)
    path = DOCS / "reference" / name
    assert path.read_text(encoding="utf-8") == written[path], "run `make docs`"


def test_every_error_code_is_listed_and_every_listed_code_exists() -> None:
    text = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    known = {code for path in modules("app", "imaging", "server") for code in codes_in(path)}
    known |= {words.code for words in (*sentences.BY_STATUS.values(), sentences.INTERNAL, sentences.EXPIRED)}
    known |= set(quality._SENTENCES) | {f"{part}_bad" for part in ("database", "store", "networks")}
    known |= {"analysis_failed"}
    assert listed == known


def modules(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def codes_in(path: Path) -> Iterator[str]:
    """Codes that a module names where it refuses, or as the `code` of an error class."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
            yield from texts(node.args[0])
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    yield from class_codes(statement)


def class_codes(statement: ast.Assign) -> Iterator[str]:
    target = statement.targets[0]
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    for name, value in zip(names, values, strict=False):
        if isinstance(name, ast.Name) and name.id == "code":
            yield from texts(value)


def texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


class TestOpenApi:
    def test_every_address_of_the_interface_is_described(self, app: Flask, client: FlaskClient) -> None:
        described = client.get("/api/v1/openapi.json").json
        assert described["openapi"] == "3.1.0"
        offered = {
            (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("api.")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        written = {(path, method) for path, item in described["paths"].items() for method in set(item) - {"parameters"}}
        assert written == offered
        assert len(written) == 6

    def test_every_reference_leads_somewhere(self, client: FlaskClient) -> None:
        answer = client.get("/api/v1/openapi.json")
        names = set(re.findall(r"#/components/schemas/(\w+)", answer.text))
        assert names == set(answer.json["components"]["schemas"])

    def test_an_image_has_exactly_the_described_fields(self, app: Flask, client: FlaskClient) -> None:
        from app.reading import images
        from tests.factories.staff import add_image

        schemas = client.get("/api/v1/openapi.json").json["components"]["schemas"]
        with app.app_context():
            image = image_json(images.find(add_image()))
            waiting = image_json(images.find(add_image(status="queued")))
        assert set(image) == set(waiting) == set(schemas["Study"]["required"]) == set(schemas["Study"]["properties"])
        assert set(image["lesion"]) == set(schemas["Lesion"]["properties"])
        assert {name for one in image["descriptors"] for name in one} == set(schemas["Descriptor"]["properties"])
        for name in ("Probabilities", "Models", "Novelty", "Advice", "Picture", "Links"):
            assert set(image[name.lower()]) == set(schemas[name]["properties"]), name

    def test_the_page_shows_every_call_and_loads_nothing_from_elsewhere(self, client: FlaskClient) -> None:
        described, page = client.get("/api/v1/openapi.json").json, client.get("/api/v1/docs").text
        for path in described["paths"]:
            assert path in page
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        anchors = set(re.findall(r'href="#([^"]+)"', page))
        assert anchors <= set(re.findall(r'id="([^"]+)"', page))


class TestNotices:
    def test_the_image_carries_a_notice_that_names_whose_data_lie_in_it(self) -> None:
        notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
        for words in (
            "countrystatecity-postal-codes",
            "Open Database License (ODbL) 1.0",
            "GeoNames",
            "KEMRI-Wellcome",
        ):
            assert words in notice
        assert re.search(r"^COPY .*\bNOTICE\b", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
        assert "!NOTICE" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    def test_nothing_of_the_postcodes_lies_in_our_own_files(self) -> None:
        """Their records are told by a key that nothing of ours has but the reader and its tests."""
        rooms = ("app", "models", "static", "templates", "docs", "scripts")
        files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file()]
        holders = [path for path in files if b'"localityName":' in path.read_bytes()]
        assert holders == []


class TestDependencies:
    def test_every_pinned_package_is_listed_with_its_version(self) -> None:
        text = (DOCS / "dependencies.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| ([\w.-]+) \| (\d[\w.+]*) \|", text, re.MULTILINE)
        listed = {(normal(name), pinned) for name, pinned in rows}
        pinned = {pin for path in REQUIREMENTS for pin in pins(path)}
        assert listed == pinned

    def test_every_pin_is_what_is_installed_here(self) -> None:
        """A pin that nobody tests is a guess; markers that don't hold on this machine are left out."""
        wrong = [
            f"{name}: {pinned} is pinned, {installed(name)} is installed"
            for name, pinned in pins(ROOT / "requirements.txt") | pins(ROOT / "requirements-dev.txt")
            if name != "onnxruntime" and installed(name) not in (None, pinned)
        ]
        assert wrong == []


REQUIREMENTS = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "requirements-cuda.txt")] + [
    ROOT / "requirements-openvino.txt",
    ROOT / "training" / "requirements.txt",
]


def pins(path: Path) -> set[tuple[str, str]]:
    found = re.findall(r"^([\w.-]+)==([\w.+]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, path
    return {(normal(name), pinned) for name, pinned in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def test_links_between_the_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), ROOT / "training" / "README.md"]
        for target in re.findall(r"\]\((?!https?:|mailto:|#|\{)([^)#]+)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_documents_that_the_code_names_exist() -> None:
    named = {
        target
        for path in [*modules("app", "imaging", "training", "scripts"), ROOT / "Makefile"]
        for target in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [target for target in sorted(named) if not (ROOT / target).exists()] == []


def test_the_version_is_the_same_everywhere() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == version.VERSION
    assert f"## {version.VERSION}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
