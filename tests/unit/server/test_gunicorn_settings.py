"""The server's settings: one process, loaded after fork, on the machine itself unless told otherwise."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.workers.services import GPU_HUNG

FILE = Path(__file__).parents[3] / "gunicorn.conf.py"


def settings() -> dict[str, Any]:
    return runpy.run_path(str(FILE))


def test_one_process_owns_the_networks_and_loads_the_product_after_fork() -> None:
    found = settings()
    assert (found["workers"], found["preload_app"]) == (1, False)
    assert found["worker_class"] == "gthread"
    assert found["bind"] == "127.0.0.1:8000"
    assert found["accesslog"] is None
    assert found["forwarded_allow_ips"] == ""


def test_the_first_process_never_loads_the_networks_library() -> None:
    """Loaded before the fork, onnxruntime lets the serving process abort when it ends."""
    program = (
        f"import runpy, sys; runpy.run_path({str(FILE)!r}); print(sorted({{'app', 'onnxruntime'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=FILE.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_environment_decides_where_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("SONOTRIAGE_LISTEN", "0.0.0.0")
    monkeypatch.setenv("PLAIN_SERVER", "yes")
    assert settings()["bind"] == "0.0.0.0:8123"
    monkeypatch.setenv("LISTEN", "::1")
    monkeypatch.delenv("SONOTRIAGE_LISTEN")
    assert settings()["bind"] == "[::1]:8123"
    monkeypatch.setenv("SOCKET", "/run/sonotriage.sock")
    assert settings()["bind"] == "unix:/run/sonotriage.sock"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_alone_it_does_not_listen_beyond_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    monkeypatch.setenv("LISTEN", host)
    with pytest.raises(SystemExit) as ended:
        settings()
    assert ended.value.code == 3
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("Sonotriage can't start: ")
    assert "PLAIN_SERVER=yes" in told


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.9", "::1", "[::1]"])
def test_alone_it_listens_on_the_machine_itself(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("LISTEN", host)
    assert settings()["bind"].endswith(":8000")


@pytest.mark.parametrize(("text", "level"), [("warning", "WARNING"), ("", "INFO"), ("loud", "INFO")])
def test_the_log_level_never_breaks_the_log(monkeypatch: pytest.MonkeyPatch, text: str, level: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", text)
    assert settings()["logconfig_dict"]["root"]["level"] == level


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", ""])
def test_a_number_that_is_none_is_left_to_the_worker_to_refuse(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("WEB_THREADS", text)
    assert settings()["threads"] == 48


@pytest.mark.parametrize(
    ("listen", "port", "bind"),
    [
        ("127.0.0.1", "70000", "127.0.0.1:0"), ("a b", "8000", "127.0.0.1:0"), ("256.0.0.1", "8000", "127.0.0.1:0"),
        ("::1", "8000", "[::1]:8000"), ("[::1]", "8000", "[::1]:8000"), ("localhost", "1", "localhost:1"),
        ("127.0.0.1", "9" * 5000, "127.0.0.1:8000"),
    ],
)  # fmt: skip
def test_what_can_t_be_listened_on_takes_any_free_port_until_the_worker_refuses_it(
    monkeypatch: pytest.MonkeyPatch, listen: str, port: str, bind: str
) -> None:
    monkeypatch.setenv("LISTEN", listen)
    monkeypatch.setenv("PORT", port)
    assert settings()["bind"] == bind


def test_a_server_that_is_started_again_tries_a_gpu_that_hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / GPU_HUNG).touch()
    for _ in range(2):  # there, and not there
        settings()["on_starting"](None)
        assert not (tmp_path / GPU_HUNG).exists()


@pytest.mark.parametrize(("name", "statuses"), [("warm-up", [0]), ("another", [])])
def test_the_process_ends_at_once_where_networks_are_being_opened(
    monkeypatch: pytest.MonkeyPatch, name: str, statuses: list[int]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    opened = threading.Event()
    opening = threading.Thread(target=opened.wait, args=(10,), name=name)
    opening.start()
    settings()["worker_exit"](None, SimpleNamespace(app=None))
    opened.set()
    opening.join()
    assert ended == statuses


def test_networks_that_can_t_be_opened_do_not_stop_the_server() -> None:
    said: list[str] = []

    class Broken:
        def warm_up(self) -> None:
            error = RuntimeError("x")
            error.code = "model_bad"  # type: ignore[attr-defined]
            raise error

    worker = SimpleNamespace(log=SimpleNamespace(error=lambda text, code: said.append(text % code)))
    warmed: list[str] = []
    decoder = SimpleNamespace(warm_up=lambda: warmed.append("decoder"))
    settings()["_warm_up"](worker, SimpleNamespace(engine=Broken(), decoder=decoder))
    assert said == ["networks could not be opened: model_bad"]
    assert warmed == ["decoder"]
