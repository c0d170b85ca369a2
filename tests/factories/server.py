"""The product as it is shipped: gunicorn with its own settings, on a free port of this machine."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_NEW_DATABASE: list[bytes] = []  # the file as `flask db upgrade` makes it, kept from the first time


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


HAS_NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None
NO_NGINX = "nginx is not installed here, so the front door was not tried"


class Server:
    """Migrates and serves a data folder; `kill` is `kill -9` of the server and all its children."""

    command: tuple[str, ...] = (sys.executable, "-m", "gunicorn", "wsgi:app", "--config", "gunicorn.conf.py")

    def __init__(self, data: Path, models: Path, **settings: str) -> None:
        self.data = data
        self.port = free_port()
        self.log = data.parent / f"{data.name}.log"
        self.environment = {
            **os.environ, "DATA_DIR": str(data), "MODELS_DIR": str(models), "PORT": str(self.port),
            "PROVIDER": "cpu", "UPLOADS_PER_MINUTE": "100000", "UPLOADS_PER_SENDER": "1000000",
            "LOGINS_PER_MINUTE": "1000", **settings,
        }  # fmt: skip
        self.wrapper: tuple[str, ...] = ()  # a command in front of the server, for instance one that gives it limits
        self.process: subprocess.Popen[bytes] | None = None
        self._is_migrated = False
        self.ready_after_s = 0.0  # of the last start, counted from gunicorn's own

    @property
    def gunicorn(self) -> int:
        """Process id of gunicorn's first process, the parent of the one that serves."""
        assert self.process is not None
        return self.process.pid

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def flask(self, *arguments: str, text: str = "") -> str:
        """Run a command of the product (`flask ...`) and return what it printed."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
        answer = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=text, capture_output=True, text=True, check=True
        )
        return answer.stdout

    def start(self, timeout_s: float = 90.0) -> Server:
        """Migrate, serve, and wait until `/health/ready` answers 200."""
        self._migrate()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, *self.command], cwd=ROOT, env=self.environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        started = time.monotonic()
        while time.monotonic() < started + timeout_s:
            if self.process.poll() is not None:
                break
            if self.get("/health/ready")[0] == 200:
                self.ready_after_s = time.monotonic() - started
                return self
            time.sleep(0.1)
        raise AssertionError(f"not ready after {timeout_s} s:\n{self.log.read_text()[-3000:]}")

    def _migrate(self) -> None:
        """`flask db upgrade`, seconds of work: not again where it changes nothing, and for new folders once."""
        database = self.data / "sonotriage.db"
        is_new = not database.exists()
        if is_new and _NEW_DATABASE:
            self.data.mkdir(parents=True, exist_ok=True)
            with database.open("wb") as file:
                file.write(_NEW_DATABASE[0])
                file.flush()
                os.fsync(file.fileno())  # some tests cut the disk's power
        elif is_new or not self._is_migrated:
            self.flask("db", "upgrade")
            if is_new:
                _NEW_DATABASE.append(database.read_bytes())
        self._is_migrated = True

    def kill(self) -> None:
        """End the server and its children at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End the server in order, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def get(self, path: str, accept: str = "*/*") -> tuple[int, bytes]:
        """Status (0 when nobody answers) and body of a GET."""
        request = urllib.request.Request(self.address + path, headers={"Accept": accept})
        return _answer(request)

    def upload(self, content: bytes, name: str = "picture.png", **headers: str) -> tuple[int, dict[str, Any]]:
        """Status (0 when nobody answers) and JSON of `POST /api/v1/studies`."""
        boundary = "sonotriage-boundary"
        body = (
            (
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            ).encode()
            + content
            + f"\r\n--{boundary}--\r\n".encode()
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(f"{self.address}/api/v1/studies", data=body, headers={**kind, **headers})
        status, answer = _answer(request)
        return status, json.loads(answer) if answer else {}


class FrontDoor(Server):
    """The same with nginx in front, as the image serves it. Limits are the product's own."""

    command = (sys.executable, "-m", "server")

    def __init__(self, data: Path, models: Path, **settings: str) -> None:
        super().__init__(data, models, **{"SPOOL_DIR": str(data.parent), **settings})

    @property
    def gunicorn(self) -> int:
        return self.child("gunicorn")

    @property
    def spool(self) -> Path:
        """The folder where requests lie that come in."""
        return Path(self.environment["SPOOL_DIR"] or "/dev/shm") / f"sonotriage-{os.getuid()}-{self.port}"

    def child(self, name: str) -> int:
        """Process id of nginx's or gunicorn's first process."""
        assert self.process is not None
        pid = self.process.pid
        for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if name in Path(f"/proc/{found}/cmdline").read_text():
                return int(found)
        raise AssertionError(f"{name} does not run")

    def held(self, part: str) -> list[int]:
        """Bytes of each nameless file that nginx holds in "bodies" or "answers" of the spool."""
        nginx, sizes = self.child("nginx"), list[int]()
        for worker in Path(f"/proc/{nginx}/task/{nginx}/children").read_text().split():
            for link in Path(f"/proc/{worker}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    if str(link.readlink()).startswith(f"{self.spool / part}/"):
                        sizes.append(link.stat().st_size)
        return sizes

    def kill(self) -> None:
        assert self.process is not None
        groups = [self.child("gunicorn"), self.child("nginx")]
        super().kill()
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def _answer(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
        return 0, b""  # also an answer that a kill cut off in its middle: nobody can act on it
