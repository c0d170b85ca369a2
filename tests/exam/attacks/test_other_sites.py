"""Pages of other sites, senders without a login, and a list that somebody filled with nonsense."""

from __future__ import annotations

import html
import json
import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tests.exam.conftest import Launch
from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.senders.browser_client import Answer, Browser, admin
from tests.exam.senders.person import BOUNDARY, multipart
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Origin": "https://evil.example"}
CAME = {
    "a browser of today": CROSS,
    "a browser without Sec-Fetch-Site, as on plain HTTP": {"Origin": "https://evil.example"},
    "a neighbouring site": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.127.0.0.1"},
    "a sandboxed frame": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
}


def upload(server: Server, content: bytes, **headers: str) -> Answer:
    return Browser(server).ask(
        "POST", "/api/v1/studies", multipart([("file", "p.png", content)]), FORM | {"Accept": "*/*"} | headers
    )


@exam("S10", given="`POST /api/v1/studies` from the page of another site (0.2.0: 201, a row in the clinicians' list)",
      expected="403 `other_site`; nothing is kept; programs and our own page go on")  # fmt: skip
@pytest.mark.parametrize("case", sorted(CAME))
def test_the_page_of_another_site_fills_no_list(server: Server, seen: Seen, case: str) -> None:
    before = footprint(server).rows["image"]
    refused = upload(server, encoded(ultrasound(1001)), **CAME[case])
    assert (refused.status, json.loads(refused.content)["code"]) == (403, "other_site")
    assert footprint(server).rows["image"] == before
    own = {"Sec-Fetch-Site": "same-origin", "Origin": server.address}
    page = Browser(server)
    form = [("csrf_token", None, page.get("/").token.encode()), ("picture", "p.png", encoded(ultrasound(1002)))]
    sent = page.ask("POST", "/", multipart(form), FORM | own)
    assert sent.status == 303
    assert upload(server, encoded(ultrasound(1003))).status in (200, 201, 202)
    seen(f"{case}: 403 other_site, 0 rows; our page 303, a program taken")


@exam("S10", given="Log-in, log-out, verdicts, deletions and users, each asked for by another site's page with the "
      "cookie and the right token", expected="403 each; nothing changes")  # fmt: skip
def test_no_act_of_the_staff_is_done_by_another_site(server: Server, chief: Browser, seen: Seen) -> None:
    image_id = Browser(server).sent_and_read(encoded(ultrasound(1004)))
    before = footprint(server).rows
    acts = (
        "/login", "/logout", "/account", "/admin/users", "/admin/delete", f"/admin/images/{image_id}/review",
        f"/admin/images/{image_id}/delete", f"/admin/images/{image_id}/rerun", f"/r/{image_id}/delete",
    )  # fmt: skip
    for path in acts:
        fields = {"csrf_token": chief.get("/").token, "confirm": "yes", "verdict": "agree", "name": "mallory"}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert chief.ask("POST", path, urlencode(fields).encode(), kind | CROSS).status == 403, path
    after = footprint(server).rows
    assert after == before
    assert "mallory" not in chief.get("/admin/users").text
    assert chief.is_inside
    seen(f"{len(acts)} acts, 403 each")


@exam("S10", given="UPLOADS_NEED_LOGIN=yes: a stranger's page, form and program", expected="The page asks to sign in; "
      "form and program get 403 with a sentence; who is signed in sends, and the list tells so")  # fmt: skip
def test_a_login_can_be_asked_for(launch: Launch, seen: Seen) -> None:
    server = launch(UPLOADS_NEED_LOGIN="yes").start()
    stranger = Browser(server)
    page = stranger.get("/").text
    assert "Sign in first" in page
    assert 'type="file"' not in page
    form = stranger.send([("picture", "p.png", encoded(ultrasound(1)))], token=stranger.get("/login").token)
    status, answer = server.upload(encoded(ultrasound(1)))
    assert (form.status, status, answer["code"]) == (403, 403, "uploads_need_login")
    assert footprint(server).rows["image"] == 0
    reader = admin(server)
    reader.sent_and_read(encoded(ultrasound(1)))
    assert "source-staff" in reader.get("/admin/").text
    seen("page: sign in first; form 403; program 403 uploads_need_login; signed in: taken, marked")


@exam("S10", given="300 pictures of a program among those of people; an admin deletes them by their source while "
      "somebody sends", expected="The list tells them apart; the preview names the number; only they go; who sends "
      "meanwhile waits 5 s at most")  # fmt: skip
def test_what_a_program_sent_is_told_apart_and_deleted_by_its_filter(
    launch: Launch, tiny_models: object, seen: Seen
) -> None:
    server = launch(models=tiny_models).start()
    person, chief = Browser(server), admin(server)
    stays = person.sent_and_read(encoded(ultrasound(1)))
    for number in range(300):
        assert server.upload(encoded(ultrasound(number, "oval", 100, 120)))[0] in (201, 202)
    assert chief.get("/admin/?source=page").text.count("data-row") == 1
    preview = chief.get("/admin/delete?source=api").text
    assert "Delete 300 images" in preview
    moment = re.search(r'name="before" value="([^"]+)"', preview)
    assert moment is not None
    longest, uploads, stop = [0.0], [0], threading.Event()

    def send() -> None:
        while not stop.is_set():
            started = time.monotonic()
            assert person.send([("picture", "p.png", encoded(ultrasound(2000 + uploads[0])))]).status == 303
            longest[0], uploads[0] = max(longest[0], time.monotonic() - started), uploads[0] + 1

    sender = threading.Thread(target=send)
    sender.start()
    left, turns = 300, 0
    while left:
        answer = chief.post("/admin/delete?source=api", number=str(left), before=html.unescape(moment[1]))
        turns += 1
        found = re.search(r'name="number" value="(\d+)"', answer.text) if answer.status == 200 else None
        assert found is not None or answer.status == 302, answer.text[:800]
        left = int(found[1]) if found else 0
    stop.set()
    sender.join(60)
    rows = footprint(server).rows
    assert rows["image"] == 1 + uploads[0]
    assert person.get(f"/r/{stays}").status == 200
    assert "images.delete" in chief.get("/admin/audit").text
    assert uploads[0]
    assert longest[0] < 5 * 3  # thrice, for a machine that has other work
    seen(f"300 gone in {turns} turns; {uploads[0]} uploads meanwhile, the slowest took {longest[0]:.2f} s")
