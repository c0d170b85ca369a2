"""nginx and gunicorn as the image serves them: what nginx refuses, what it passes on, and how the two end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.serving import security
from server import environment
from server.headers import FILE_POLICY, HEADERS
from server.words import BY_STATUS, too_large
from tests.factories.networks import write_tiny_networks
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import HAS_NGINX, NO_NGINX, ROOT, FrontDoor

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not HAS_NGINX, reason=NO_NGINX)]

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    folder = tmp_path_factory.mktemp("door")
    running = FrontDoor(folder / "data", write_tiny_networks(folder / "models"), MAX_UPLOAD_MB="1", WEB_THREADS="4")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own(tmp_path: Path, tiny_models: Path) -> Iterator[FrontDoor]:
    running = FrontDoor(tmp_path / "data", tiny_models).start()
    yield running
    running.stop()


def asked(server: FrontDoor, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def raw(server: FrontDoor, content: bytes, patience_s: float = 10.0) -> bytes:
    """Send bytes, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience_s) as connection:
        connection.sendall(content)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def until(condition, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_a_picture_is_read_behind_nginx_however_it_is_sent(server: FrontDoor) -> None:
    content = encoded(ultrasound(3, "oval", 500, 600))
    assert server.upload(content)[0] == 201
    boundary = "b"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode()
    body += encoded(ultrasound(4, "oval", 500, 600)) + f"\r\n--{boundary}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    pieces = (body[start : start + 7000] for start in range(0, len(body), 7000))
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    connection.request("POST", "/api/v1/studies", pieces, kind, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server: FrontDoor) -> None:
    head = b"POST /api/v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"body")
        assert connection.recv(4096).startswith(b"HTTP/1.1 4")


def test_requests_sent_ahead_are_answered_one_after_the_other(server: FrontDoor) -> None:
    last = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert raw(server, LIVE * 2 + last).count(b'"alive"') == 3


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_large_upload_is_refused_in_the_application_s_own_words(server: FrontDoor, accept: str) -> None:
    answer = asked(server, "POST", "/", bytes(4_000_000), Accept=accept)
    assert answer.status == 413
    words = too_large(1)
    if accept == "application/json":
        told = json.loads(answer.body)
        assert (told["code"], told["message"]) == (words.code, words.sentence)
        assert told["request_id"] == answer.headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", told["request_id"])
    else:
        assert words.sentence in answer.body.decode()
        assert answer.headers["X-Request-ID"] in answer.body.decode()
    for name, value in HEADERS.items():
        assert answer.headers.get_all(name) == [value]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refusal_before_the_body_is_read_reaches_the_sender(server: FrontDoor) -> None:
    """nginx is still handing the body on when the application answers: the answer must not be lost with the rest."""
    for _ in range(10):
        assert asked(server, "POST", "/api/v1/studies", bytes(2_900_000), Content_Encoding="gzip").status == 415
        assert asked(server, "POST", "/nowhere", bytes(2_900_000)).status == 404


def test_programs_get_json_from_the_interface_whatever_they_accept(server: FrontDoor) -> None:
    assert json.loads(asked(server, "POST", "/api/v1/studies", bytes(4_000_000)).body)["code"] == "too_large"


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00\x00\x00\x00\x00"])
def test_what_no_method_begins_with_is_ended_at_once(server: FrontDoor, hello: bytes) -> None:
    started = time.monotonic()
    received = raw(server, hello)
    assert time.monotonic() - started < 5
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"Content-Security-Policy: {FILE_POLICY}".encode() in head
    assert json.loads(body)["message"] == BY_STATUS[400].sentence


def test_28_https_typed_at_the_door_for_http_is_ended_at_once(server: FrontDoor) -> None:
    """A browser that tries it first, one that is slow with its hello, and one that waits after the first byte."""
    context = ssl.create_default_context()
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")
    for hello in (b"\x16", b"\x80\x2e\x01\x03\x01", b"\x16\x03\x01\r\n\r\n"):
        assert raw(server, hello).startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(("path", "kind"), [("css/base.css", "text/css"), ("js/place.js", "text/javascript")])
def test_style_sheets_and_scripts_are_compressed_and_kept_by_version(server: FrontDoor, path: str, kind: str) -> None:
    kept = asked(server, "GET", f"/static/{path}?v=0123456789ab", Accept_Encoding="gzip")
    assert kept.status == 200
    assert kept.headers["Content-Encoding"] == "gzip"
    assert kept.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["Vary"] == "Accept-Encoding"
    plain = asked(server, "GET", f"/static/{path}")
    assert plain.headers["Cache-Control"] == "no-cache"
    assert plain.body == (ROOT / "static" / path).read_bytes()
    again = asked(server, "GET", f"/static/{path}", If_None_Match=plain.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    for name, value in HEADERS.items():
        assert plain.headers.get_all(name) == [value]


def test_a_static_file_that_is_missing_is_the_application_s_404(server: FrontDoor) -> None:
    for path in ("/static/nothing.css", "/static/../wsgi.py", "/.refusals/413.json", "/.refusals/x"):
        answer = asked(server, "GET", path)
        assert answer.status == 404
        assert BY_STATUS[404].sentence in answer.body.decode()


def test_pages_are_not_compressed_because_they_hold_secrets(server: FrontDoor) -> None:
    assert "Content-Encoding" not in asked(server, "GET", "/", Accept_Encoding="gzip").headers


def test_strangers_can_t_claim_an_address_a_host_or_https(server: FrontDoor) -> None:
    forged = {
        "X-Forwarded-For": "198.51.100.7", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
        "X-Request-ID": "evil-request-id", "Forwarded": "for=198.51.100.7;proto=https",
    }  # fmt: skip
    for path in ("/", "/admin/", "/nothing", "/static/css/base.css"):
        answer = asked(server, "GET", path, **forged)
        assert "Strict-Transport-Security" not in answer.headers
        assert "evil" not in str(answer.headers) + answer.body.decode()


def test_a_proxy_of_the_settings_is_believed(tmp_path: Path, tiny_models: Path) -> None:
    server = FrontDoor(
        tmp_path / "data", tiny_models, PROXY_ADDRESSES="127.0.0.1,10.0.0.0/8", LOGINS_PER_MINUTE="3",
    ).start()  # fmt: skip
    try:
        answer = asked(server, "GET", "/", X_Forwarded_Proto="https", X_Request_ID="given-by-the-proxy")
        assert answer.headers["Strict-Transport-Security"]
        assert answer.headers["X-Request-ID"] == "given-by-the-proxy"
        statuses = []
        for number in range(5):  # what a client invents stands left of what the proxy adds, and 10.x is a proxy, too
            line = f"203.0.113.{number}, 198.51.100.7, 10.1.2.3"
            statuses.append(asked(server, "GET", "/setup/x", X_Forwarded_For=line).status)
        assert statuses == [404, 404, 404, 429, 429]
        assert asked(server, "GET", "/setup/x", X_Forwarded_For="198.51.100.8").status == 404
        assert server.get("/health/live")[0] == 200
    finally:
        server.stop()


def test_sixty_people_behind_one_address_are_all_served(server: FrontDoor) -> None:
    picture = encoded(ultrasound(5, "oval", 300, 300))
    statuses: list[int] = []

    def person() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for path in ("/", "/static/css/base.css", "/static/js/upload.js", "/clinics", "/about"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        statuses.append(server.upload(picture)[0])

    people = [threading.Thread(target=person) for _ in range(60)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(statuses) == 360
    assert set(statuses) <= {200, 201, 202}


def test_sixty_browsers_behind_one_address_ask_on_six_connections_each(server: FrontDoor) -> None:
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(360)]
    for connection in connections:
        connection.sendall(b"GET /about HTTP/1.1\r\nHost: x\r\n\r\n")
    assert {connection.recv(15) for connection in connections} == {b"HTTP/1.1 200 OK"}
    for connection in connections:
        connection.close()


def test_more_than_that_is_told_to_come_back(tmp_path: Path, tiny_models: Path) -> None:
    server = FrontDoor(tmp_path / "data", tiny_models, CONNECTIONS_PER_ADDRESS="2").start()
    os.kill(server.gunicorn, signal.SIGSTOP)
    (worker,) = Path(f"/proc/{server.gunicorn}/task/{server.gunicorn}/children").read_text().split()[:1]
    os.kill(int(worker), signal.SIGSTOP)  # so that what is asked stays under way
    try:
        waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(2)]
        for connection in waiting:
            connection.sendall(LIVE)
        answer = asked(server, "GET", "/api/v1/nothing")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        assert json.loads(answer.body)["code"] == "unavailable"
        other = socket.create_connection(("127.0.0.1", server.port), 20, ("127.0.1.9", 0))  # another address
        other.sendall(LIVE)
    finally:
        os.kill(int(worker), signal.SIGCONT)
        os.kill(server.gunicorn, signal.SIGCONT)
    assert other.recv(15) == b"HTTP/1.1 200 OK"
    for connection in (*waiting, other):
        connection.close()
    server.stop()


def test_too_many_requests_of_an_address_are_told_when_to_come_back(tmp_path: Path, tiny_models: Path) -> None:
    server = FrontDoor(tmp_path / "data", tiny_models, REQUESTS_PER_SECOND="1").start()
    try:
        answers = [asked(server, "GET", "/api/v1/nothing") for _ in range(12)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert refused[0].headers["Retry-After"] == "10"
        assert json.loads(refused[0].body)["message"] == BY_STATUS[429].sentence
        assert asked(server, "GET", "/static/css/base.css").status == 200  # files cost nothing
    finally:
        server.stop()


def test_bodies_that_stand_still_hold_up_nobody_else_and_leave_nothing(own: FrontDoor) -> None:
    held = []
    for _ in range(12):
        connection = socket.create_connection(("127.0.0.1", own.port), timeout=10)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n" + bytes(300_000))
        held.append(connection)
    until(lambda: len(own.held("bodies")) >= 3)
    assert len(own.held("bodies")) == 3  # of one address; the others were refused
    assert list((own.spool / "bodies").iterdir()) == []  # they have no name: they end with nginx, however it ends
    assert own.upload(encoded(ultrasound(6)))[0] == 201
    for connection in held:
        connection.close()
    until(lambda: own.held("bodies") == [])


def test_a_full_spool_is_told_as_no_room_right_now(tmp_path: Path, tiny_models: Path) -> None:
    place = Path(tempfile.mkdtemp(prefix="small"))  # short: a socket's path may not be long
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not permitted here")
    server = FrontDoor(tmp_path / "data", tiny_models, SPOOL_DIR=str(place))
    try:
        server.start()
        answer = asked(server, "POST", "/", bytes(9_000_000), Accept="application/json")
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "10"
        assert server.upload(encoded(ultrasound(7)))[0] == 201
    finally:
        server.stop()
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (told,) = [line["message"] for line in lines if line["logger"] == "nginx"]
    assert "No space left" in told
    assert "127.0.0.1" not in told


def test_asked_to_stop_it_first_ends_what_is_under_way(own: FrontDoor) -> None:
    assert own.process is not None
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body += encoded(ultrasound(8)) + b"\r\n--b--\r\n"
    head = f"POST /api/v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", own.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + body[:1000])
        until(lambda: own.get("/health/live")[0] == 200)  # a later request is answered: ours is under way
        own.process.send_signal(signal.SIGTERM)
        until(lambda: own.get("/health/live")[0] == 0)  # no new ones are taken
        connection.sendall(body[1000:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 201")
    assert own.process.wait(30) == 0
    assert own.get("/health/live")[0] == 0


@pytest.mark.parametrize("name", ["nginx", "gunicorn"])
def test_it_ends_when_either_does_and_leaves_nobody_behind(own: FrontDoor, name: str) -> None:
    assert own.process is not None
    groups = [own.child("nginx"), own.child("gunicorn")]
    os.kill(own.child(name), signal.SIGKILL)
    assert own.process.wait(40) == 137
    for group in groups:
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)
    assert f"{name} ended by itself with status 137: stopping" in own.log.read_text()
    assert [path.name for path in own.spool.iterdir()] == ["lock"]


def test_killed_without_a_word_it_takes_both_with_it_and_the_next_start_empties_its_folder(own: FrontDoor) -> None:
    assert own.process is not None
    groups = [own.child("nginx"), own.child("gunicorn")]
    os.kill(own.process.pid, signal.SIGKILL)
    own.process.wait()
    for group in groups:
        until(lambda group=group: not Path(f"/proc/{group}").exists() or _is_zombie(group))
    left = own.spool / "bodies" / "0000000001"
    left.write_bytes(b"somebody's picture")
    own.start()
    assert not left.exists()


def _is_zombie(process: int) -> bool:
    return "(zombie)" in Path(f"/proc/{process}/status").read_text()


def test_it_is_exchanged_while_it_serves(own: FrontDoor) -> None:
    assert own.process is not None
    (before,) = Path(f"/proc/{own.gunicorn}/task/{own.gunicorn}/children").read_text().split()[:1]
    own.process.send_signal(signal.SIGHUP)
    until(lambda: not Path(f"/proc/{before}").exists())
    assert own.get("/health/live")[0] == 200
    assert own.upload(encoded(ultrasound(9)))[0] == 201


def test_a_second_one_on_the_same_port_is_told_so(own: FrontDoor) -> None:
    ended = refused(own)
    assert ended.returncode == 3
    assert f"PORT={own.port} can't be used: Address already in use" in ended.stderr


def test_a_setting_that_the_application_refuses_ends_it_in_one_sentence(tmp_path: Path, tiny_models: Path) -> None:
    ended = refused(FrontDoor(tmp_path / "data", tiny_models, PROVIDER="abacus"))
    assert ended.returncode == 3
    assert "Sonotriage can't start: PROVIDER='abacus'" in ended.stderr
    assert "Traceback" not in ended.stderr


def refused(server: FrontDoor) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        server.command, cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_https_is_two_settings(tmp_path: Path, tiny_models: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    tls = {"TLS_CERTIFICATE": str(certificate), "TLS_KEY": str(key)}
    server = FrontDoor(tmp_path / "data", tiny_models, **tls)

    context = ssl.create_default_context(cafile=str(certificate))

    def over_tls(path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=context)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def ready(path: str, accept: str = "*/*") -> tuple[int, bytes]:
        try:
            return over_tls(path).status, b""
        except OSError:
            return 0, b""

    server.get = ready  # type: ignore[method-assign]
    server.start()
    try:
        answer = over_tls("/")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "; Secure" in answer.headers["Set-Cookie"]
        typed = asked(server, "GET", "/about?x=1")
        assert (typed.status, typed.headers["Location"]) == (308, f"https://127.0.0.1:{server.port}/about?x=1")
        health = [sys.executable, "-m", "server.health_check"]
        assert subprocess.run(health, cwd=ROOT, env=server.environment, check=False).returncode == 0
    finally:
        server.stop()


def test_server_and_application_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.config import SETTINGS

    for name in environment.DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    defaults = {setting.name: setting.default for setting in SETTINGS}
    assert environment.DEFAULTS.items() <= defaults.items()
    assert environment.body_limit() == 50_000_000 + security.FORM_OVERHEAD_BYTES
