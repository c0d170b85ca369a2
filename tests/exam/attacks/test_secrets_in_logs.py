"""What a log holds after people have used the server: the logs of the image, and of the proxy in front of it that the
documents describe."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders.browser_client import Browser
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import NO_NGINX, ROOT, Server, free_port

Seen = Callable[[str], None]
PLACE = "Canaryville4711"


@pytest.fixture
def documented(tmp_path: Path) -> Callable[[Server], Path]:
    """The nginx block of docs/how-to/https.md as a file, with its paths, ports and address moved to this test."""
    certificate, key = tmp_path / "triage.pem", tmp_path / "triage.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=triage.example.org"]
    subprocess.run(command, check=True, capture_output=True)
    page = (ROOT / "docs" / "how-to" / "https.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)

    def written(server: Server) -> Path:
        port, moved = free_port(), block
        for there, here in (
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"), ("/etc/ssl/triage.pem", str(certificate)),
            ("/etc/ssl/triage.key", str(key)), ("/var/log/nginx/triage.log", str(tmp_path / "triage.log")),
            ("http://127.0.0.1:8000", server.address),
        ):  # fmt: skip
            assert there in block
            moved = moved.replace(there, here)
        folders = "".join(f"{kind}_temp_path {tmp_path / kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
        path = tmp_path / "outer.conf"
        path.write_text(
            f"daemon off; {'user root;' if os.geteuid() == 0 else ''} pid {tmp_path / 'outer.pid'}; events {{}}\n"
            f"http {{ client_body_temp_path {tmp_path / 'client'}; {folders}\n{moved}}}\n"
        )
        (tmp_path / "port").write_text(str(port))
        return path

    return written


@contextmanager
def running(conf: Path, log: Path) -> Iterator[int]:
    """The proxy of these settings, while this lasts; its port."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        pytest.skip(NO_NGINX)
    with log.open("wb") as said:
        process = subprocess.Popen([nginx, "-p", str(conf.parent), "-c", str(conf), "-e", "stderr"], stderr=said)
    try:
        time.sleep(1)
        assert process.poll() is None, log.read_text()
        yield int((conf.parent / "port").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@exam(
    "S16",
    given="People upload, look, and search a place, also while the server is down, through the proxy of the documents "
    "and the image's nginx (0.2.0: the documented block logged `/r/<id>`, addresses and `?place=`)",
    expected="No log holds an id, an address or a place; the request id leads from one log to the other",
)
def test_no_log_holds_an_address_an_id_or_a_place(
    documented: Callable[[Server], Path], launch_door: Launch, tmp_path: Path, tiny_models: Path, seen: Seen
) -> None:
    server = launch_door(models=tiny_models, PROXY_ADDRESSES="127.0.0.1", COOKIE_SECURE="no").start()
    person = Browser(server)
    study_id = person.sent_and_read(encoded(ultrasound(901)), place=PLACE)
    paths = [f"/r/{study_id}", f"/r/{study_id}/picture.png", f"/clinics?place={PLACE}", f"/{PLACE}", f"/static/{PLACE}"]
    paths += [f"/api/v1/studies/{study_id}", "/static/" + PLACE * 20, f"/r/{study_id}?place={PLACE}", "/about"]
    statuses: list[int] = []
    with running(documented(server), tmp_path / "outer.said") as port:
        statuses += [_asked(port, path) for path in paths]
        for path in paths:
            person.get(path, **{"Referer": f"http://x/r/{study_id}?place={PLACE}", "User-Agent": PLACE})
        os.kill(server.gunicorn, signal.SIGSTOP)  # what fails is told by nginx itself
        _asked(port, paths[0], 1)
        os.kill(server.gunicorn, signal.SIGCONT)
        server.stop()
        statuses += [_asked(port, path) for path in paths]
    assert set(statuses) == {200, 404, 502}
    logs = [server.log, tmp_path / "triage.log", tmp_path / "outer.said"]
    planted = {"an id": study_id, "its beginning": study_id[:8], "a place": PLACE, "an address": "127.0.0."}
    for log in logs:
        lines = [line for line in log.read_text().splitlines() if "Listening at" not in line]
        for what, text in planted.items():
            assert not [line for line in lines if text.lower() in line.lower()], f"{what} stands in {log.name}"
    outer = (tmp_path / "triage.log").read_text().splitlines()
    assert len(outer) >= 2 * len(paths)
    known = [line for line in outer if line.split()[-1] in server.log.read_text()]
    assert known
    seen(f"{len(outer)} lines of the proxy, {len(server.log.read_text().splitlines())} of the image: none; "
         f"{len(known)} request ids stand in both")  # fmt: skip


def _asked(port: int, path: str, patience_s: int = 10) -> int:
    """Status over HTTPS, 0 when nobody answers in time."""
    command = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-m", str(patience_s)]
    command += ["-e", f"https://x/?place={PLACE}", f"https://127.0.0.1:{port}{path}"]
    return int(subprocess.run(command, capture_output=True, text=True).stdout)
