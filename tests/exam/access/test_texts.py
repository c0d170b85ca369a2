"""Texts that would like to be more than texts: queries, markup, formulas."""

from __future__ import annotations

import csv
import html
import io
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from tests.exam.marks import exam
from tests.exam.route_table import Route
from tests.exam.senders.browser_client import PASSWORD, Answer, Browser
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
Untouched = Callable[[], AbstractContextManager[None]]
place = exam(
    "B54",
    given="A place that is a database command, a zero byte, a path, a format, or a million letters",
    expected="Looked up as a text; 400 `place_too_long` above 200 characters; tables as before",
)
markup = exam(
    "B55",
    given="Markup, a javascript: link and a template expression as note, place, label, search and login name",
    expected="Shown as the letters that were typed, on every page of visitors and staff",
)
formulas = exam(
    "B56",
    given="Notes that begin like a formula, with quotes, commas and line ends, exported as CSV",
    expected="An apostrophe stands before each; the file reads back cell by cell (there is no XLSX export)",
)

QUERIES = [
    "'; DROP TABLE image;--", "\" OR 1=1 --", "Robert'); DELETE FROM user;--", "a%00b", "\x00", "../../etc/passwd",
    "%s%n%x", "{0.__class__}", "$(touch /tmp/x)", "*)(uid=*))(|(uid=*",
    "\u202ereversed", "😀" * 50, "%' OR '1'='1", "_%",
]  # fmt: skip
EVIL = "<script>alert(7191)</script>"
NOTE = EVIL + """<img src=x onerror=alert(1)> javascript:alert(2) {{7191*7}} ${7191*7} "><b id='planted'>\u0301 &lt;"""


def tables(server: Server) -> dict[str, int]:
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=20)) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        return {
            name: database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
            for name in names
            if name != "audit_event"
        }


@place
def test_a_place_is_a_text_whatever_it_says(server: Server, seen: Seen) -> None:
    before, statuses = tables(server), []
    for text in QUERIES:
        page = Browser(server).get("/clinics?place=" + quote(text))
        told = Browser(server).get("/api/v1/clinics?place=" + quote(text))
        assert page.status in (200, 400, 422), text
        assert told.status in (200, 400, 422), text
        assert "Traceback" not in page.text + told.text
        statuses.append(page.status)
    assert tables(server) == before
    assert before["clinic"] >= 0
    seen(f"{len(QUERIES)} texts: {sorted(set(statuses))}")


@place
def test_an_upload_with_such_a_place_is_taken_and_the_place_is_only_kept(server: Server) -> None:
    before = tables(server)
    image_id = Browser(server).sent_and_read(encoded(ultrasound(540)), place=QUERIES[0])
    after = tables(server)
    assert after.keys() == before.keys()
    assert after["image"] == before["image"] + 1
    assert Browser(server).get(f"/r/{image_id}").status == 200


@place
@pytest.mark.parametrize("length", [201, 1_000_000])
def test_a_place_that_is_too_long_is_refused(server: Server, untouched: Untouched, length: int, seen: Seen) -> None:
    browser, text = Browser(server), b"x" * length
    file = ("picture", "a.png", encoded(ultrasound(541)))
    with untouched():
        page = browser.send([file, ("place", None, text)])
        told = browser.send([("file", *file[1:]), ("place", None, text)], "/api/v1/studies", token="")
    assert page.status == 400
    assert "200 characters" in page.text
    assert (told.status, b'"code":"place_too_long"' in told.content) == (400, True), told.content
    seen(f"{length} characters: {page.status} and {told.status}")


class Elements(HTMLParser):
    """Every tag with its attributes that a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_harmless(answer: Answer, path: str) -> None:
    if answer.headers.get_content_type() != "text/html":
        return
    assert EVIL not in answer.text, path
    assert str(7191 * 7) not in answer.text, f"{path}: the expression was worked out"
    for tag, attributes in Elements(answer.text).tags:
        assert not [name for name in attributes if name.startswith("on")], f"{path}: {tag} {attributes}"
        assert attributes.get("id") != "planted", path
        for name in ("href", "src", "action", "formaction"):
            assert not (attributes.get(name) or "").strip().lower().startswith(("javascript:", "data:text")), path


@markup
def test_a_note_is_shown_as_it_was_typed_and_does_nothing_on_any_page(
    server: Server, chief: Browser, routes: list[Route], seen: Seen
) -> None:
    image_id = chief.sent_and_read(
        encoded(ultrasound(55)), name=f"{EVIL}.png", place=EVIL, latitude="43.25", longitude="-79.87", label=EVIL
    )
    give_note(chief, image_id, NOTE)
    looked = 0
    for route in routes:
        if "GET" in route.methods:
            for browser in (chief, Browser(server)):
                path = route.path(image_id=image_id)
                assert_harmless(browser.get(path), path)
                looked += 1
    page = chief.get(f"/admin/images/{image_id}").text
    assert html.escape(NOTE, quote=False).replace('"', "&#34;").replace("'", "&#39;") in page
    seen(f"{looked} pages: the note is text on each")


@markup
def test_what_an_address_says_is_repeated_as_text(server: Server, chief: Browser, seen: Seen) -> None:
    planted = quote(NOTE)
    paths = [f"/clinics?place={planted}", f"/clinics?place=x&latitude={planted}&longitude={planted}&label={planted}",
             f"/clinics?latitude=43.2&longitude=-79.8&label={planted}", f"/login?next={planted}", f"/{planted}",
             f"/admin/?ref={planted}&sort={planted}&page={planted}", f"/r/{planted}", f"/static/{planted}",
             f"/admin/audit?actor={planted}&action={planted}&ref={planted}", f"/admin/images/{planted}",
             f"/api/v1/docs?x={planted}", f"/setup/{planted}"]  # fmt: skip
    for path in paths:
        for browser in (chief, Browser(server)):
            assert_harmless(browser.get(path), path)
    shown = chief.get(f"/admin/audit?actor={planted}").text
    assert "&lt;script&gt;" in shown, "the field was not repeated: the test proves nothing"
    for fields in ({"name": NOTE, "password": NOTE}, {"name": "x", "password": "y", "next": NOTE}):
        assert_harmless(Browser(server).post("/login", **fields), "/login")
    refused = chief.post(
        "/admin/users", name=NOTE[:79], password="eleven quiet owls", role="reviewer", own_password=PASSWORD
    )
    assert refused.status == 422
    assert_harmless(refused, "/admin/users")
    seen(f"{len(paths)} addresses as visitor and as admin")


def give_note(browser: Browser, image_id: str, note: str) -> None:
    """Agree with the newest reading and say something about it."""
    path = f"/admin/images/{image_id}"
    page = browser.get(path)
    (analysis_id,) = [
        attributes["value"] for tag, attributes in Elements(page.text).tags if attributes.get("name") == "analysis_id"
    ]
    answer = browser.post(
        f"{path}/review", page.token, verdict="agree", note=note, analysis_id=analysis_id or "", label=""
    )
    assert answer.status == 302, answer.text[:2000]


def exported_note(browser: Browser, image_id: str) -> tuple[str, str]:
    """The note's cell, and the file as it came."""
    answer = browser.get(f"/admin/export.csv?id={image_id}")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8"), newline=""), strict=True))
    assert len(lines) == 2, "a line end inside a cell broke the table"
    assert len(lines[0]) == len(lines[1])
    return dict(zip(*lines, strict=True))["note"], answer.text


FORMULAS = [
    "=1+1", "+1+1", "-2+3", "@SUM(1)", "=HYPERLINK(\"http://evil.example\",\"x\")", "=cmd|' /C calc'!A0", "\t=1+1",
    "\x00=1+1", "\r\n=1+1", "  =1+1", "＝1+1", "＠SUM(1)", "\ufeff=1+1", "\u200b=1+1", "%0A=1+1", "'=1+1",
]  # fmt: skip


@formulas
@pytest.mark.parametrize("note", FORMULAS)
def test_no_cell_of_the_export_is_a_formula(server: Server, chief: Browser, note: str, seen: Seen) -> None:
    image_id = chief.sent_and_read(encoded(ultrasound(56)))
    give_note(chief, image_id, note)
    cell, _ = exported_note(chief, image_id)
    first = cell.lstrip(" \ufeff\u200b\u00a0")[:1]
    assert first not in "=+-@\t\r\n\x00＝＋－＠", f"{cell!r} may be run"
    assert cell.strip("'").endswith(note.strip()[-4:]), f"{cell!r} lost what was written"
    seen(f"{note!r}: {cell!r}")


@formulas
def test_quotes_commas_and_line_ends_stay_in_their_cell(server: Server, chief: Browser) -> None:
    image_id = chief.sent_and_read(encoded(ultrasound(57)))
    note = 'first "quoted", then,comma;\r\nsecond line\n"third"\ttab'
    give_note(chief, image_id, note)
    cell, text = exported_note(chief, image_id)
    assert cell.replace("\r\n", "\n") == note.replace("\r\n", "\n")
    assert '"first ""quoted"", then,comma;' in text
