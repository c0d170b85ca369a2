"""What the front door is told, and what it refuses to start with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from server import front_door, nginx_conf, spool
from server.environment import CantServe, spool_parent
from server.front_door import FrontDoor
from tests.factories.server import HAS_NGINX, NO_NGINX, free_port


def told(**settings: str) -> FrontDoor:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in {"PORT": str(free_port()), **settings}.items():
            patch.setenv(name, text)
        return front_door.from_environment()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PROXY_ADDRESSES": "my-proxy"}, "PROXY_ADDRESSES=my-proxy"),
        ({"PROXY_ADDRESSES": "10.0.0.1; root /"}, "PROXY_ADDRESSES=10.0.0.1; root /"),
        ({"TRUSTED_PROXIES": "1"}, "Name its address in PROXY_ADDRESSES"),
        ({"TLS_CERTIFICATE": "/nowhere.pem"}, "TLS_CERTIFICATE=/nowhere.pem"),
        ({"TLS_KEY": __file__}, "go together"),
        ({"PORT": "70000"}, "PORT=70000: expected a number from 1 to 65535"),
        ({"LISTEN": "192.0.2.1"}, "LISTEN=192.0.2.1 and PORT="),
    ],
)
def test_a_setting_that_can_t_be_used_is_named(settings: dict[str, str], words: str) -> None:
    with pytest.raises(CantServe, match=words.replace("(", r"\(")):
        told(**settings)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CantServe, match="Address already in use"):
        told(PORT=str(other.getsockname()[1]))


@pytest.mark.skipif(not HAS_NGINX, reason=NO_NGINX)
@pytest.mark.parametrize(
    "settings",
    [{}, {"LISTEN": "::1"}, {"PROXY_ADDRESSES": "127.0.0.1,10.0.0.0/8,2001:db8::/32", "TRUSTED_PROXIES": "2"}],
)
def test_nginx_takes_what_is_written(tmp_path: Path, settings: dict[str, str]) -> None:
    place = tmp_path / "a folder"
    for part in ("bodies", "answers", "unused", "refusals"):
        (place / part).mkdir(parents=True)
    conf = nginx_conf.write(told(**settings), place)
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx is not None
    done = subprocess.run([nginx, "-t", "-p", str(place), "-c", str(conf), "-e", "stderr"], capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ['a"b', "a$b", "a\\b"])
def test_a_path_that_nginx_can_t_be_told_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CantServe, match="nginx can't be told"):
        nginx_conf.settings(told(), tmp_path / name)


def test_the_spool_is_closed_to_others_and_emptied(tmp_path: Path) -> None:
    first = spool.opened(tmp_path, 8000)
    assert first.folder.stat().st_mode & 0o777 == 0o700
    (first.folder / "bodies" / "left").write_bytes(b"x")
    (first.folder / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "stays").touch()
    with pytest.raises(CantServe, match="runs already"):
        spool.opened(tmp_path, 8000)
    os.close(first.lock)
    second = spool.opened(tmp_path, 8000)
    assert not (second.folder / "bodies" / "left").exists()
    assert (tmp_path / "elsewhere" / "stays").exists()
    os.close(second.lock)


@pytest.mark.parametrize("kind", ["link", "open to others"])
def test_a_folder_that_somebody_else_laid_there_is_not_used(tmp_path: Path, kind: str) -> None:
    place = tmp_path / f"sonotriage-{os.getuid()}-8000"
    if kind == "link":
        (tmp_path / "other").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "other")
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(CantServe, match="not this server's alone"):
        spool.opened(tmp_path, 8000)


def test_the_spool_lies_in_memory_only_where_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOOL_MB", "1")
    assert spool_parent() == Path("/dev/shm")
    monkeypatch.setenv("SPOOL_MB", "999999999")
    assert spool_parent() != Path("/dev/shm")
    monkeypatch.setenv("SPOOL_DIR", "/somewhere")
    assert spool_parent() == Path("/somewhere")


def test_a_place_too_deep_for_a_socket_is_told(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    with pytest.raises(CantServe, match="too long a path for a Unix socket"):
        spool.opened(deep, 8000)
