"""Who may enter by which door, for every door of the route table; and what belongs to somebody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.route_table import Route
from tests.exam.senders.browser_client import PASSWORD, REVIEWER, Browser, add_user, signed_in
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

# Open to everybody. An address that stands in none of these sets fails the test: decide where it belongs.
OPEN = {
    "accounts.login", "accounts.logout", "accounts.setup", "health.live", "health.metrics", "health.ready",
    "public.about", "public.clinics", "public.confirm_delete", "public.delete", "public.layer", "public.result",
    "public.send", "public.status", "public.upload", "static", "api.create_study", "api.delete_study",
    "api.list_clinics", "api.read_mask", "api.read_overlay", "api.read_study", "api_description.docs",
    "api_description.openapi",
}  # fmt: skip
FOR_REVIEWERS = {
    "accounts.account", "admin.images", "admin.image", "admin.review", "admin.rerun", "admin.layer", "admin.export",
    "admin.server.system",
}  # fmt: skip
FOR_ADMINS = {
    "admin.delete", "admin.delete_many", "admin.preview_deletion", "admin.server.audit", "admin.server.users",
    "admin.server.role", "admin.server.disable",
    "admin.server.enable", "admin.server.password", "admin.server.audit_lines",
}  # fmt: skip
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
others = exam(
    "B58",
    given="Images of somebody else: counted-up, guessed and known ids, every verb on every address that takes an id",
    expected="Counting and guessing find nothing: 404. Whoever got the link may look, as the sender wished; deletion "
    "is refused (pages 404, JSON 403 `not_owner`)",
)
roles = exam(
    "B59",
    given="Every address of the route table, as visitor, reviewer, admin and disabled user",
    expected="Staff pages send visitors and disabled users to the login (401 for acts), refuse reviewers what only "
    "admins may (403), and nothing changes",
)


@pytest.fixture(scope="module")
def image_id(server: Server) -> str:
    status, answer = server.upload(encoded(ultrasound(58)))
    assert status == 201, answer
    return str(answer["id"])


@pytest.fixture(scope="module")
def reviewer(server: Server, chief: Browser) -> Browser:
    add_user(chief, REVIEWER, "reviewer")
    return signed_in(server, REVIEWER)


@pytest.fixture(scope="module")
def disabled(server: Server, chief: Browser) -> Browser:
    """A user who is kept out while signed in."""
    user_id = add_user(chief, "former", "admin")
    browser = signed_in(server, "former")
    assert browser.is_inside
    assert chief.post(f"/admin/users/{user_id}/disable", own_password=PASSWORD).status == 302
    return browser


@roles
def test_every_address_is_open_or_for_a_role(routes: list[Route]) -> None:
    assert {route.endpoint for route in routes} == OPEN | FOR_REVIEWERS | FOR_ADMINS


def requests_of(routes: list[Route], endpoints: set[str]) -> list[tuple[str, Route]]:
    return [(m, route) for route in routes if route.endpoint in endpoints for m in sorted(route.methods - {"OPTIONS"})]


def public_addresses(routes: list[Route]) -> dict[str, set[str]]:
    """Addresses with an image's id that are open to all, and every verb that one of their routes takes."""
    found: dict[str, set[str]] = {}
    for route in routes:
        if route.holes & {"image_id", "study_id"} and route.endpoint in OPEN:
            path = route.path(image_id="<image_id>", study_id="<image_id>")
            found[path] = found.get(path, set()) | route.methods
    assert len(found) >= 6
    return found


def ask(browser: Browser, method: str, path: str) -> int:
    """The status; forms go out with the browser's own token, so that only the role can be what refuses."""
    if method == "POST":
        fields = {"name": "newcomer", "role": "admin", "password": "eleven quiet owls", "own_password": PASSWORD}
        return browser.post(path, **fields, confirm="yes").status
    return browser.ask(method, path).status


@roles
@pytest.mark.parametrize("who", ["visitor", "disabled"])
def test_without_a_login_no_staff_page_opens(
    server: Server, routes: list[Route], image_id: str, disabled: Browser, seen: Callable[[str], None], who: str
) -> None:
    browser = disabled if who == "disabled" else Browser(server)
    asked = requests_of(routes, FOR_REVIEWERS | FOR_ADMINS)
    before = footprint(server)
    for method, route in asked:
        status = ask(browser, method, route.path(image_id=image_id))
        assert status == (401 if method == "POST" else 302), f"{who} {method} {route.rule}: {status}"
    assert browser.get("/admin/").location.startswith("/login?next=")
    assert footprint(server) == before
    assert len(asked) >= 20
    seen(f"{who}: {len(asked)} requests refused")


@roles
def test_a_reviewer_may_not_do_what_admins_do(
    server: Server, routes: list[Route], image_id: str, reviewer: Browser, seen: Callable[[str], None]
) -> None:
    before = footprint(server)
    asked = requests_of(routes, FOR_ADMINS)
    for method, route in asked:
        status = ask(reviewer, method, route.path(image_id=image_id))
        assert status == 403, f"{method} {route.rule}: {status}"
    assert footprint(server) == before
    assert len(asked) >= 8
    seen(f"reviewer: {len(asked)} requests to admins' addresses: 403")


@roles
def test_what_a_role_may_see_opens_for_it(
    routes: list[Route], image_id: str, reviewer: Browser, chief: Browser, seen: Callable[[str], None]
) -> None:
    opened = 0
    for browser, endpoints in ((reviewer, FOR_REVIEWERS), (chief, FOR_REVIEWERS | FOR_ADMINS)):
        for method, route in requests_of(routes, endpoints):
            if method == "GET":
                assert browser.get(route.path(image_id=image_id)).status == 200, route.rule
                opened += 1
    page = reviewer.get(f"/admin/images/{image_id}").text
    assert "/delete" not in page
    assert "/delete" in chief.get(f"/admin/images/{image_id}").text
    seen(f"{opened} pages open for those who may")


@others
def test_ids_can_neither_be_counted_nor_guessed(
    server: Server, routes: list[Route], image_id: str, seen: Callable[[str], None]
) -> None:
    ids = {image_id} | {str(server.upload(encoded(ultrasound(seed)))[1]["id"]) for seed in range(580, 586)}
    assert len(ids) == 7
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)
    numbers = sorted(int(one, 16) for one in ids)
    assert min(b - a for a, b in pairwise(numbers)) > 2**64
    near = [format(int(image_id, 16) + step, "032x") for step in (-1, 1)]
    guesses = [*map(str, range(1, 8)), *near, "0" * 32, image_id[:8], image_id.upper() + "0", "..%2f..%2fsecret_key"]
    asked = 0
    for rule, offered in public_addresses(routes).items():
        for path in (rule.replace("<image_id>", guess) for guess in guesses):
            for method in VERBS:
                status = ask(Browser(server), method, path)
                assert status == 404 or (status == 405 and method not in offered), f"{method} {path}: {status}"
                asked += 1
    assert asked > 300
    seen(f"{asked} requests with {len(guesses)} guessed ids: nothing found")


@others
def test_somebody_else_s_image_can_be_looked_at_with_its_link_but_not_touched(
    server: Server, routes: list[Route], seen: Callable[[str], None]
) -> None:
    sender, stranger = Browser(server), Browser(server)
    image_id = sender.sent_and_read(encoded(ultrasound(59)))
    stranger.sent_and_read(encoded(ultrasound(60)))
    link = f"/r/{image_id}"
    before, refused = footprint(server), 0
    for rule, offered in public_addresses(routes).items():
        for method in VERBS:
            if method in offered and method in ("GET", "HEAD") and not rule.endswith("/delete"):
                continue
            status = ask(stranger, method, rule.replace("<image_id>", image_id))
            assert status in ((404, 403) if method in offered else (405,)), f"{method} {rule}: {status}"
            refused += 1
    told = stranger.ask("DELETE", f"/api/v1/studies/{image_id}", headers={"Idempotency-Key": "guess"})
    assert (told.status, b"not_owner" in told.content) == (403, True)
    assert stranger.get(f"{link}/delete").status == 404
    assert stranger.post(f"{link}/delete").status == 404
    assert footprint(server) == before
    assert sender.get(f"{link}/delete").status == 200
    assert sender.post(f"{link}/delete").status == 303
    assert sender.get(link).status == 404
    seen(f"{refused} requests by a stranger refused; the sender's own deletion: 303")


@others
def test_the_link_of_one_image_leads_to_no_other(server: Server, image_id: str) -> None:
    """No public page lists images: what a visitor sees names no id but the one that was asked for."""
    visitor = Browser(server)
    for path in ("/", "/about", "/clinics", f"/r/{image_id}", "/metrics", "/health/ready", "/api/v1/openapi.json"):
        shown = set(re.findall(r"\b[0-9a-f]{32}\b", visitor.get(path).text)) - {image_id}
        assert not {one for one in shown if visitor.get(f"/r/{one}").status == 200}, path
