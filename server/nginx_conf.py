"""nginx's own settings, written from ours, and the pages and JSON of what it refuses itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.bodies import ANSWER_MB
from server.environment import CantServe
from server.front_door import FrontDoor
from server.headers import FILE_POLICY, FOR_A_YEAR_S, HEADERS, HTTPS_ONLY, PAGE_POLICY
from server.words import BY_STATUS, Wording, too_large

ROOT = Path(__file__).parent.parent
FINISH_S = 25  # what requests under way get when the server is asked to stop
REFUSED = (400, 403, 405, 411, 413, 414, 415, 416, 421, 429, 431, 501, 503, 505)
_REFERENCE = '<!--# echo var="door_request" -->'  # nginx puts in the id of the request


@dataclass(frozen=True)
class Patience:
    """Seconds: for a whole head, between two pieces of a body, of an answer, and for the next request."""

    head_s: int = 15
    body_s: int = 30
    answer_s: int = 30
    idle_s: int = 20


def write(door: FrontDoor, spool: Path) -> Path:
    """Write everything that nginx reads into the spool; returns its main file.

    Raises:
        CantServe: a path can't stand in nginx's settings.
    """
    for status in REFUSED:
        words = _words(status, door.upload_mb)
        (spool / "refusals" / f"{status}.json").write_text(_json(words), encoding="utf-8")
        (spool / "refusals" / f"{status}.html").write_text(_html(status, words), encoding="utf-8")
    path = spool / "nginx.conf"
    path.write_text(settings(door, spool), encoding="utf-8")
    return path


def settings(door: FrontDoor, spool: Path) -> str:
    """The text of nginx.conf."""
    return _environment(is_html=False).get_template("nginx.conf.jinja").render(
        door=door, spool=str(spool), root=str(ROOT), finish_s=FINISH_S, patience=Patience(), answer_mb=ANSWER_MB,
        refused=[status for status in REFUSED if status != 431], headers=HEADERS, page_policy=PAGE_POLICY,
        file_policy=FILE_POLICY, https_only=HTTPS_ONLY, forever=f"public, max-age={FOR_A_YEAR_S}, immutable",
    )  # fmt: skip


def _words(status: int, upload_mb: int) -> Wording:
    return too_large(upload_mb) if status == 413 else BY_STATUS.get(status, BY_STATUS[400])


def _json(words: Wording) -> str:
    text = json.dumps({"code": words.code, "message": words.sentence, "request_id": _REFERENCE})
    return text.replace(json.dumps(_REFERENCE), f'"{_REFERENCE}"') + "\n"


def _html(status: int, words: Wording) -> str:
    return _environment(is_html=True).get_template("refusal.html.jinja").render(status=status, words=words)


def _environment(is_html: bool) -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, keep_trailing_newline=True,
        autoescape=is_html,  # noqa: S701 - the other is no HTML: nginx's own settings
        undefined=StrictUndefined,
    )  # fmt: skip
    found.filters["quoted"] = _quoted
    return found


def _quoted(value: object) -> str:
    """A word of nginx's settings. A dollar sign would begin a variable, and can't be escaped."""
    text = str(value)
    if any(character in text for character in '"\\$\n'):
        raise CantServe(f"{text}: nginx can't be told of a path with a quotation mark, a backslash or a dollar sign.")
    return f'"{text}"'
