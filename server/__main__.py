"""Serves: nginx in front, gunicorn behind it on a Unix socket. `python -m server`."""

from __future__ import annotations

import logging.config
import os
import shutil
import sys

from server import environment, front_door, nginx_conf, processes, spool
from server.environment import CantServe
from server.front_door import FrontDoor
from server.json_log import level_named, logging_settings
from server.pair import Pair
from server.processes import Child
from server.spool import Spool

BAD_START = 3
NO_NGINX = "nginx is not installed here (Debian: apt install nginx). Without it, make run serves this machine alone."


def main() -> int:
    """Start both and watch them; returns the exit status."""
    try:
        logging.config.dictConfig(logging_settings(_log_level()))
        nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if nginx is None:
            raise CantServe(NO_NGINX)
        door = front_door.from_environment()
        place = spool.opened(environment.spool_parent(), environment.count("PORT"))
        conf = nginx_conf.write(door, place.folder)
    except (CantServe, OSError) as error:  # a person reads this: one sentence, no traceback
        print(f"Sonotriage can't start: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return BAD_START

    def start_nginx(errors: int) -> Child:
        command = (nginx, "-p", str(place.folder), "-c", str(conf), "-e", "stderr")
        return processes.start("nginx", command, os.environ, errors)

    logging.getLogger("server").info("Listening at: %s://%s", "https" if door.has_tls else "http", door.address)
    pair = Pair(lambda: _start_gunicorn(door, place), start_nginx, place.socket)
    try:
        return pair.watch()
    finally:
        spool.empty(place.folder)


def _log_level() -> str:
    try:
        return level_named(environment.text("LOG_LEVEL"))
    except ValueError as error:
        raise CantServe(f"LOG_LEVEL={environment.text('LOG_LEVEL')!r}: {error}.") from error


def _start_gunicorn(door: FrontDoor, place: Spool) -> Child:
    """It believes nginx, which believes nobody but the proxies of the settings."""
    told = {"SONOTRIAGE_SOCKET": str(place.socket), "SONOTRIAGE_TRUSTED_PROXIES": "1", "TMPDIR": str(place.forms)}
    if door.has_tls:
        told["SONOTRIAGE_COOKIE_SECURE"] = "yes"
    command = (sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app")
    return processes.start("gunicorn", command, os.environ | told)


if __name__ == "__main__":
    sys.exit(main())
