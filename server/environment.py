"""The settings that count before the application exists, read from the environment (`app/config.py` has all of them).

What can't be read is left to the application to refuse, in its own sentence: here it counts as the default.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from pathlib import Path

DEFAULTS = {
    "DATA_DIR": "data", "LISTEN": "127.0.0.1", "PORT": "8000", "SOCKET": "", "PLAIN_SERVER": "no", "WEB_THREADS": "48",
    "MAX_UPLOAD_MB": "50", "WAIT_S": "10", "LOG_LEVEL": "INFO", "TRUSTED_PROXIES": "0", "PROXY_ADDRESSES": "",
    "TLS_CERTIFICATE": "", "TLS_KEY": "", "SPOOL_DIR": "", "SPOOL_MB": "1024", "REQUESTS_PER_SECOND": "200",
    "CONNECTIONS_PER_ADDRESS": "400",
}  # fmt: skip
MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, closed to others
LAST_PORT = 65_535
LONGEST_NUMBER = 9  # digits; whatever is longer is refused by the application
_YES = {"1", "true", "yes", "on"}


class CantServe(Exception):
    """A setting, or something that is missing here, keeps the server from starting; the words are for a person."""


def text(name: str) -> str:
    """A setting as it stands: `SONOTRIAGE_` and its name, or the bare name, or the default."""
    return os.environ.get(f"SONOTRIAGE_{name}") or os.environ.get(name) or DEFAULTS[name]


def count(name: str) -> int:
    """A number above zero."""
    found = text(name)
    is_sane = found.isascii() and found.isdigit() and len(found) <= LONGEST_NUMBER and int(found) > 0
    return int(found) if is_sane else int(DEFAULTS[name])


def is_on(name: str) -> bool:
    """Yes or no."""
    return text(name).lower() in _YES


def names(name: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(one.strip() for one in text(name).split(",") if one.strip())


def body_limit() -> int:
    """Longest body of a request in bytes: the picture, and the form around it (as in `app/serving/security.py`)."""
    return count("MAX_UPLOAD_MB") * 1_000_000 + 2_000_000


def address() -> str:
    """Where to listen, as gunicorn and nginx write it: `127.0.0.1:8000`, `[::]:8000`.

    Where that can't be, any free port of this machine, until the application has said what is wrong.
    """
    host, port = text("LISTEN").strip("[]"), count("PORT")
    if not is_address(host) or port > LAST_PORT:
        return "127.0.0.1:0"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(host: str) -> bool:
    """True for what a server can listen on."""
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """True where only this machine can reach an address."""
    if host.strip("[]") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_plain() -> None:
    """gunicorn alone serves this machine only, unless a setting says otherwise.

    Raises:
        CantServe: it would listen beyond the machine.
    """
    host = text("LISTEN")
    if text("SOCKET") or is_loopback(host) or is_on("PLAIN_SERVER") or not is_address(host.strip("[]")):
        return
    raise CantServe(
        f"gunicorn alone has no patience for slow or hostile clients, and LISTEN={text('LISTEN')} lets other machines "
        "in. Start it with nginx in front (make serve), or set PLAIN_SERVER=yes if another proxy stands there."
    )


def spool_parent() -> Path:
    """Where bodies lie that are coming in: memory where there is enough of it, else the folder for temporary files."""
    if text("SPOOL_DIR"):
        return Path(text("SPOOL_DIR")).absolute()
    return MEMORY_DISK if _size_mb(MEMORY_DISK) >= count("SPOOL_MB") else Path(tempfile.gettempdir())


def _size_mb(folder: Path) -> float:
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0.0
    return found.f_frsize * found.f_blocks / 1_000_000
