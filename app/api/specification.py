"""The description of the JSON interface: as OpenAPI for programs, as a page for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app

METHODS = ("get", "post", "delete")
FORBIDDEN = {
    "post": "A page of another site sent it (`other_site`), or this server takes pictures only from people who are "
    "signed in on its page (`uploads_need_login`).",
    "delete": "Nothing proves that this client sent it (`not_owner`), or a page of another site did this "
    "(`other_site`).",
}
TOLD = {
    "Location": "The address of the study.",
    "Idempotency-Key": "The key of the upload: as it came, or as it was made here.",
    "Delete-Token": "Lets its holder delete the study. Not told again to whoever repeats a key that can be guessed.",
}


@dataclass(frozen=True)
class Field:
    """A parameter of a call or a field of an answer."""

    name: str
    kind: str
    meaning: str
    where: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Answer:
    """One status that a call may answer with, and the name of the object in its body ("" for none)."""

    status: str
    meaning: str
    schema: str


@dataclass(frozen=True)
class Call:
    """One method of one address."""

    method: str
    path: str
    summary: str
    explanation: str
    fields: tuple[Field, ...]
    answers: tuple[Answer, ...]

    @property
    def anchor(self) -> str:
        return f"{self.method}{self.path}".replace("/", "-").replace("{", "").replace("}", "").replace(".", "-")


@dataclass(frozen=True)
class Shape:
    """An object of an answer."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class DocsPage:
    """What the page shows."""

    description: str
    calls: tuple[Call, ...]
    shapes: tuple[Shape, ...]


def current() -> dict[str, Any]:
    """OpenAPI 3.1 of the running application."""
    interface = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    described: dict[str, Any] = interface.spec.to_dict()
    for path, item in described["paths"].items():
        for method in set(item) & set(METHODS):
            _complete(path, method, item[method])
    _link_studies(described["paths"])
    schemas = described["components"]["schemas"]
    schemas.pop("PaginationMetadata", None)
    schemas["UploadForm"]["required"] = ["file"]
    schemas["UploadForm"]["properties"]["file"].update(contentMediaType="application/octet-stream")
    described["components"].pop("responses", None)
    return described


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say what the generator can't know: pictures are PNG, a refusal has our shape."""
    answers = operation["responses"]
    for status in [status for status, answer in answers.items() if "$ref" in answer]:
        del answers[status]
    if path.endswith(".png"):
        answers["200"]["content"] = {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}}
    if method in FORBIDDEN:
        answers["403"] = {"description": FORBIDDEN[method], "content": _content("Error")}
    if method == "post":
        for status in ("200", "201", "202"):
            answers[status]["headers"] = {name: _header(about) for name, about in TOLD.items()}
    answers["default"] = {"description": "Refused; see `code`.", "content": _content("Error")}


def _link_studies(paths: dict[str, Any]) -> None:
    """Say which calls the answer to an upload leads to: the study, its pictures, and its deletion."""
    study = "/api/v1/studies/{study_id}"
    followers = {"read": (study, "get"), "delete": (study, "delete")}
    followers |= {name: (f"{study}/{name}.png", "get") for name in ("mask", "overlay")}
    links = {name: _link(*follower) for name, follower in followers.items()}
    answers = paths["/api/v1/studies"]["post"]["responses"]
    for status in ("201", "202"):
        answers[status]["links"] = links
    answers["200"]["links"] = {name: link for name, link in links.items() if name != "delete"}  # may carry no token


def _link(path: str, method: str) -> dict[str, Any]:
    parameters = {"path.study_id": "$response.body#/id"}
    if method == "delete":
        parameters["header.Delete-Token"] = "$response.header.Delete-Token"
    return {"operationRef": f"#/paths/{path.replace('/', '~1')}/{method}", "parameters": parameters}


def _header(about: str) -> dict[str, Any]:
    return {"description": about, "schema": {"type": "string"}}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def page() -> DocsPage:
    """The interface for people, read from the same description."""
    described = current()
    schemas = described["components"]["schemas"]
    calls = tuple(
        _call(method, path, item, schemas["UploadForm"])
        for path, item in described["paths"].items()
        for method in METHODS
        if method in item
    )
    shapes = tuple(Shape(name, _fields(schema)) for name, schema in schemas.items() if name != "UploadForm")
    return DocsPage(described["info"]["description"], calls, shapes)


def _call(method: str, path: str, item: Mapping[str, Any], form: Mapping[str, Any]) -> Call:
    operation = item[method]
    parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
    fields = tuple(
        Field(one["name"], _kind(one["schema"]), one.get("description", ""), one["in"], one.get("required", False))
        for one in parameters
    )
    answers = tuple(_answer(status, response) for status, response in sorted(operation["responses"].items()))
    return Call(
        method.upper(), path, operation.get("summary", ""), operation.get("description", ""),
        (*_fields(form, "form"), *fields) if "requestBody" in operation else fields, answers,
    )  # fmt: skip


def _answer(status: str, response: Mapping[str, Any]) -> Answer:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return Answer(status, response.get("description", ""), _name(schema))


def _fields(schema: Mapping[str, Any], where: str = "") -> tuple[Field, ...]:
    required = schema.get("required", [])
    return tuple(
        Field(name, _kind(field), field.get("description", ""), where, name in required)
        for name, field in schema.get("properties", {}).items()
    )


def _kind(schema: Mapping[str, Any]) -> str:
    """What a field holds, in words: "number or null", "list of Descriptor"."""
    if "anyOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        return _name(schema)
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    kinds = schema.get("type", "any")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
