"""What the log holds after an eventful day: whole lines, and nobody's name."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from tests.exam.marks import exam
from tests.exam.senders.browser_client import PASSWORD, Browser, add_user, admin, signed_in
from tests.exam.senders.person import BOUNDARY, multipart
from tests.factories.pictures import dicom, encoded, ultrasound
from tests.factories.server import HAS_NGINX, ROOT, FrontDoor, Server

Seen = Callable[[str], None]
UPLOADS_PER_MINUTE = 20
FORGED = '\r\n[INFO] admin ok\n{"level": "info", "message": "admin ok"}'
log = exam(
    "B57",
    given="Line breaks and planted names in every field, header, address, file name and broken request",
    expected="Each log line is one whole JSON object of the server's own; no planted name, address, id, token or "
    "password stands in the log",
)


def canary(place: str) -> str:
    return f"Canary{place}4711"


def raw(server: Server, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(content)
        connection.recv(65536)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As everywhere in the exam, but soon asked too often."""
    data = tmp_path_factory.mktemp("logs") / "data"
    kind = FrontDoor if HAS_NGINX else Server
    running = kind(data, ROOT / "models", UPLOADS_PER_MINUTE=str(UPLOADS_PER_MINUTE)).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def secrets_of_the_day(server: Server) -> dict[str, str]:
    """Uses everything once, with a planted word in each place; returns what must not be in the log."""
    person, name = Browser(server), canary("User").lower()
    chief = admin(server, f"{name}@hospital.example")
    image_id = person.sent_and_read(
        encoded(ultrasound(571)), canary("File") + quote(FORGED) + ".png",
        place=canary("Place") + FORGED, latitude="48.137", longitude="11.575", label=canary("Label"),
    )  # fmt: skip
    scan = dicom(ultrasound(572), PatientName=canary("Patient"), PatientID=canary("Id"), StudyDescription=FORGED)
    assert server.upload(scan, canary("Scan") + ".dcm", **{"User-Agent": canary("Agent"), "Referer": canary("Ref")})[0]
    for broken in (scan[:700], scan[:-900], encoded(ultrasound(573))[:-500], canary("Content").encode() * 50):
        server.upload(broken, canary("Broken") + ".dcm")
    _fail_in_every_way(server, person, chief, name)
    path = f"/admin/images/{image_id}"
    token = chief.get(path).token
    chief.post(f"{path}/review", token, verdict="agree", analysis_id="1", note=canary("Note") + FORGED)
    chief.post(f"{path}/rerun", token)
    chief.get(f"/admin/export.csv?ref={canary('Filter')}")
    key, session = (server.data / "secret_key").read_text().strip(), chief.cookies["session"]
    return {
        "a planted word": "canary", "the image's id": image_id, "its beginning": image_id[:8],
        "the secret key": key, "a session": session, "a password": PASSWORD, "coordinates": "48.137",
        "an address of the network": "127.0.0.1", "the forged line": "admin ok",
    }  # fmt: skip


def _fail_in_every_way(server: Server, person: Browser, chief: Browser, name: str) -> None:
    person.log_in(canary("Login"), canary("Password"))
    person.log_in(f"{name}@hospital.example", canary("Typo"))
    person.get("/" + quote(canary("Path") + FORGED) + "?q=" + quote(canary("Query") + FORGED))
    person.get("/clinics?place=" + quote(canary("Search") + FORGED))
    person.get("/r/" + canary("Link"))
    person.get("/setup/" + canary("Setup"))
    person.get("/", **{"X-Request-ID": canary("Request"), "X-Forwarded-For": canary("Forwarded"),
                       "Accept-Language": canary("Language")})  # fmt: skip
    person.ask("DELETE", "/api/v1/studies/x", headers={"Idempotency-Key": canary("Key")})
    body = multipart([("file", canary("Odd") + '\\";x', b"x"), (canary("Field"), None, b"x")])
    person.ask("POST", "/api/v1/studies", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    add_user(chief, canary("Newuser").lower(), "reviewer")
    signed_in(server, canary("Newuser").lower()).get("/admin/users")
    for line in (f"GET /{canary('Line')} HTTP/7.7", f"{canary('Method')} / HTTP/1.1 x",
                 f"GET / HTTP/1.1\r\nBad Name: {canary('Header')}", f"GET / HTTP/1.1\r\nHost: {canary('Host')} x",
                 f"GET / HTTP/1.1\r\n{canary('Name')} : x"):  # fmt: skip
        raw(server, f"{line}\r\n\r\n".encode())
    asked = [person.ask("POST", "/api/v1/studies").status for _ in range(2 * UPLOADS_PER_MINUTE + 1)]
    assert 429 in asked


@log
def test_every_line_is_one_object_of_the_server_s_own(
    server: Server, secrets_of_the_day: dict[str, str], seen: Seen
) -> None:
    lines = server.log.read_text().splitlines()
    objects = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= set(one) for one in objects)
    assert not [one for one in objects if "admin ok" in one["message"]]
    requests = [one for one in objects if one["message"] == "request"]
    assert len(requests) > 25
    assert all(re.fullmatch(r"[0-9a-f]{32}", one["request_id"]) for one in requests)
    assert {one["route"] for one in requests} >= {"/login", "/r/<image_id>", "unmatched", "/admin/users"}
    if not isinstance(server, FrontDoor):  # nginx refuses them, without a line
        assert any(one["message"] == "Invalid request" for one in objects), "the broken requests left no line"
    seen(f"{len(lines)} lines, {len(requests)} of them requests: all whole")


@log
def test_no_planted_name_and_no_secret_stands_in_the_log(
    server: Server, secrets_of_the_day: dict[str, str], seen: Seen
) -> None:
    lines = [line for line in server.log.read_text().splitlines() if '"Listening at' not in line]
    for what, planted in secrets_of_the_day.items():
        found = [line for line in lines if planted.lower() in line.lower()]
        assert not found, f"{what} stands in the log: {found[:2]}"
    seen(f"{len(secrets_of_the_day)} kinds of secrets looked for in {len(lines)} lines: none")


@log
def test_the_watchers_doors_name_nobody_either(server: Server, secrets_of_the_day: dict[str, str]) -> None:
    visitor = Browser(server)
    for path in ("/metrics", "/health/ready", "/health/live"):
        text = visitor.get(path).text
        assert text
        for what, planted in secrets_of_the_day.items():
            assert planted.lower() not in text.lower(), f"{what} in {path}"
