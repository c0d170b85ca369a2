"""What is measured: Sonotriage as it is shipped, and what people would use instead, each as its own process tree."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.memory import MemoryWatch

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"
ENVIRONMENTS = ROOT / ".venv-peers"
READY_TIMEOUT_S = 180.0
OURS = ("sonotriage", "front-door")


@dataclass(frozen=True)
class System:
    """How a server is started, and at which address it says that it is ready.

    `doors` are the ways in that are measured: name in the results, kind of client. `served` says in words how it runs.
    """

    name: str
    title: str
    served: str
    command: tuple[str, ...]
    ready_path: str
    doors: tuple[tuple[str, str], ...]
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


class Server:
    """A running system. `ready_s` is its cold start: from the command to the first answer that it is ready."""

    def __init__(self, system: System, port: int, log: Path) -> None:
        self.system, self.port = system, port
        started = time.monotonic()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                system.command, cwd=system.folder, env={**os.environ, **system.environment},
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        self.memory = MemoryWatch(self.process.pid)
        try:
            self._wait(started + READY_TIMEOUT_S)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{system.name} did not start: {log.read_text(errors='replace')[-2000:]}") from error
        self.ready_s = round(time.monotonic() - started, 2)

    def _wait(self, deadline: float) -> None:
        while time.monotonic() < deadline and self.process.poll() is None:
            if status_of(self.port, self.system.ready_path) == 200:
                return
            time.sleep(0.05)
        raise RuntimeError("not ready")

    def stop(self) -> None:
        """End it in order, and by force where it does not listen."""
        self.memory.stop()
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(15)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


@contextmanager
def serving(
    systems: list[System], ports: list[int], folder: Path
) -> Iterator[tuple[dict[str, Server], dict[str, str]]]:
    """Start the systems one after the other, each while the others are idle, and end them all afterwards.

    Yields:
        The running servers by name, and why those that are not among them did not start.
    """
    servers: dict[str, Server] = {}
    left_out: dict[str, str] = {}
    try:
        for system, port in zip(systems, ports, strict=True):
            try:
                servers[system.name] = Server(system, port, folder / f"{system.name}.log")
            except RuntimeError as error:
                left_out[system.name] = str(error)
        yield servers, left_out
    finally:
        for server in servers.values():
            server.stop()


def sonotriage(port: int, data: Path, provider: str) -> System:
    """The product, as `make run` starts it; only the limits of uploads per sender are lifted."""
    return System(
        "sonotriage", "Sonotriage", "`make run`: gunicorn, one process",
        (sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"),
        "/health/ready", (("sonotriage-api", "api"), ("sonotriage-form", "form")),
        environment=_prepared(port, data, provider),
    )  # fmt: skip


def front_door(port: int, data: Path, provider: str) -> System:
    """The product behind nginx, as the image serves it; limits of one sender are lifted."""
    lifted = {"REQUESTS_PER_SECOND": "100000", "CONNECTIONS_PER_ADDRESS": "10000"}
    return System(
        "front-door", "Sonotriage behind nginx", "`make serve`: nginx, and gunicorn on a Unix socket",
        (sys.executable, "-m", "server"), "/health/ready", (("sonotriage-door", "api"),),
        environment=_prepared(port, data, provider) | lifted,
    )  # fmt: skip


def has_nginx() -> bool:
    """True where the front door can be measured."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def _prepared(port: int, data: Path, provider: str) -> dict[str, str]:
    """The environment of a server, and its tables."""
    environment = {
        "DATA_DIR": str(data), "MODELS_DIR": str(ROOT / "models"), "PORT": str(port), "PROVIDER": provider,
        "UPLOADS_PER_MINUTE": "1000000", "UPLOADS_PER_SENDER": "1000000", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "prepare"],
        cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True,
    )  # fmt: skip
    return environment


def peer(name: str, port: int, scratch: Path) -> System:
    """One of the peers, as its makers document serving it."""
    python = str(python_of(name))
    environment = {"MODELS_DIR": str(ROOT / "models"), "PYTHONDONTWRITEBYTECODE": "1"}
    gunicorn = (python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--timeout", "300")
    if name in ("keras", "pytorch"):
        title = {"keras": "Flask + Keras", "pytorch": "Flask + PyTorch"}[name]
        command = (*gunicorn, "--worker-class", "gthread", "--workers", "1", "--threads", "4", "server:app")
        served, ready = "gunicorn, gthread, one process, 4 threads", "/health"
    else:
        title, served, ready = "BentoML", "`bentoml serve`, its defaults, one worker", "/readyz"
        command = (python, "-m", "bentoml", "serve", "server:Reader", "--host", "127.0.0.1", "--port", str(port))
        environment |= {"BENTOML_HOME": str(scratch / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    return System(name, title, served, command, ready, ((name, "peer"),), PEERS / name, environment)


def python_of(name: str) -> Path:
    """The interpreter of a peer's own environment, which `make bench` builds."""
    return ENVIRONMENTS / name / "bin" / "python"


def installed_peers() -> list[str]:
    """Peers whose environment is complete."""
    return [path.name for path in sorted(PEERS.iterdir()) if (ENVIRONMENTS / path.name / ".ready").exists()]


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_of(port: int, path: str) -> int:
    """Status of a GET, 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
