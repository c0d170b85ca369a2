"""Sessions, and where one is led after signing in."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urljoin, urlsplit

import pytest

from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Answer, Browser, add_user, signed_in
from tests.factories.server import Server

Seen = Callable[[str], None]
sessions = exam(
    "B62",
    given="A session made before signing in, a cookie kept after signing out, a user disabled or demoted while inside",
    expected="A new session at each login; the old cookie and the disabled user are outside at once (401 for acts)",
)
away = exam(
    "B63",
    given="Login links whose `next` names another site, in ten spellings",
    expected="After signing in one stands on one's own start page",
)


@pytest.fixture
def reader(chief: Browser, request: pytest.FixtureRequest) -> tuple[str, int]:
    """A reviewer of this test's own: name and id."""
    name = "r" + re.sub(r"\W", "", request.node.name)[-40:].lower()
    return name, add_user(chief, name, "reviewer")


def outside(browser: Browser) -> bool:
    """True when this browser neither sees nor may do what staff may."""
    looked = browser.get("/admin/")
    acted = browser.post("/admin/images/" + "0" * 32 + "/rerun")
    return (looked.status, acted.status) == (302, 401) and looked.location.startswith("/login")


@sessions
def test_a_planted_session_is_worth_nothing_after_the_login(server: Server, reader: tuple[str, int]) -> None:
    attacker = Browser(server)
    token = attacker.get("/login").token
    victim = Browser(server, attacker.cookies)  # the attacker made the victim's browser use this session
    assert victim.log_in(reader[0]).status == 302
    assert victim.is_inside
    assert victim.cookies["session"] != attacker.cookies["session"]
    assert outside(attacker)
    assert victim.post("/logout", token=token).status == 403, "the attacker's form token outlived the login"
    assert victim.is_inside


@sessions
def test_signing_in_ends_the_login_that_the_browser_had(server: Server, reader: tuple[str, int]) -> None:
    browser = signed_in(server, reader[0])
    earlier = Browser(server, browser.cookies)
    assert earlier.is_inside
    again = Browser(server, browser.cookies)
    token = again.get("/account").token
    assert again.post("/login", token, name=reader[0], password=PASSWORD).status == 302
    assert again.is_inside
    assert outside(earlier)


@sessions
def test_a_cookie_kept_after_signing_out_opens_nothing(server: Server, reader: tuple[str, int], seen: Seen) -> None:
    browser = signed_in(server, reader[0])
    stolen, elsewhere = Browser(server, browser.cookies), signed_in(server, reader[0])
    assert stolen.is_inside
    assert browser.post("/logout").status == 302
    assert outside(stolen)
    assert elsewhere.is_inside, "signing out here ended a login elsewhere"
    act = stolen.post("/admin/images/" + "0" * 32 + "/rerun").status
    seen(f"after signing out: page {stolen.get('/admin/').status} to the login, act {act}")


@sessions
def test_a_disabled_user_is_outside_at_once_and_stays_there(
    server: Server, chief: Browser, reader: tuple[str, int]
) -> None:
    name, user_id = reader
    here, there = signed_in(server, name), signed_in(server, name)
    assert chief.post(f"/admin/users/{user_id}/disable", own_password=PASSWORD).status == 302
    assert outside(here)
    assert outside(there)
    assert Browser(server).log_in(name).status == 401
    assert chief.post(f"/admin/users/{user_id}/enable", own_password=PASSWORD).status == 302
    assert outside(here), "an old login came back when the user was enabled again"
    assert signed_in(server, name).is_inside


@sessions
def test_a_new_password_ends_every_other_login(server: Server, chief: Browser, reader: tuple[str, int]) -> None:
    name, user_id = reader
    here, there = signed_in(server, name), signed_in(server, name)
    new = "nine patient brown bears"
    token = here.get("/account").token
    assert here.post("/account", token, present=PASSWORD, password=new, again=new).status == 302
    assert here.is_inside
    assert outside(there)
    assert chief.post(f"/admin/users/{user_id}/password", password=new, own_password=PASSWORD).status == 302
    assert outside(here)


@sessions
def test_who_is_no_admin_any_more_acts_as_a_reviewer_at_once(server: Server, chief: Browser) -> None:
    user_id = add_user(chief, "deputy", "admin")
    deputy = signed_in(server, "deputy")
    assert deputy.get("/admin/users").status == 200
    assert chief.post(f"/admin/users/{user_id}/role", role="reviewer", own_password=PASSWORD).status == 302
    assert deputy.get("/admin/users").status == 403
    assert deputy.is_inside


@sessions
def test_a_session_ends_by_itself_after_its_hours(server: Server, reader: tuple[str, int]) -> None:
    """The row on the server decides, whatever the cookie says: its end is moved into the past."""
    browser = signed_in(server, reader[0])
    with closing(sqlite3.connect(server.data / "sonotriage.db", timeout=20)) as database, database:
        found = database.execute(
            "UPDATE login_session SET expires_at = '2020-01-01 00:00:00.000000' WHERE user_id = ?", (reader[1],)
        )
        assert found.rowcount >= 1
    assert outside(browser)


@away
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "https://evil.example/admin/",
        "/\t/evil.example", "/%09/evil.example", "https:evil.example", "///evil.example", "/\n/evil.example",
    ],
)  # fmt: skip
def test_nobody_is_led_away_after_signing_in(server: Server, chief: Browser, target: str, seen: Seen) -> None:
    answer = Browser(server).log_in("chief", next=target)
    assert answer.status == 302
    assert stays_here(server, answer)
    assert stays_here(server, chief.ask("GET", "/login?next=" + "".join(f"%{ord(c):02x}" for c in target)))
    seen(f"{target!r} to {answer.location}")


@away
def test_an_address_of_our_own_is_gone_on_to(server: Server, chief: Browser) -> None:
    assert Browser(server).log_in("chief", next="/admin/audit?actor=chief").location == "/admin/audit?actor=chief"


def stays_here(server: Server, answer: Answer) -> bool:
    """As a browser reads the address: tabs and line ends dropped, backslashes as slashes."""
    read = re.sub(r"[\t\r\n]", "", answer.location).replace("\\", "/")
    leads_to = urlsplit(urljoin(server.address + "/login", read))
    return f"{leads_to.scheme}://{leads_to.netloc}" == server.address
