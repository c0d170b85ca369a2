"""How gunicorn serves: one process that owns the networks, and many threads that wait for answers.

Slow clients are nginx's part (`python -m server`): without it gunicorn serves this machine alone.

The application is loaded in the worker, after fork (no preload): onnxruntime sessions opened before a fork crash in
the child, and SQLite connections must not cross one. For the same reason nothing here imports `app`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from server.environment import MEMORY_DISK, CantServe, address, check_plain, count, text
from server.json_log import level_named, logging_settings

BAD_START = 3  # as in wsgi.py


def _log_level() -> str:
    try:
        return level_named(text("LOG_LEVEL"))
    except ValueError:  # the worker refuses to start with it, in a sentence
        return "INFO"


try:
    check_plain()
except CantServe as error:
    print(f"Sonotriage can't start: {error}", file=sys.stderr, flush=True)  # noqa: T201
    raise SystemExit(BAD_START) from error

bind = f"unix:{text('SOCKET')}" if text("SOCKET") else address()
workers = 1
worker_class = "gthread"
threads = count("WEB_THREADS")
# Each connection takes a file handle, and the database, the pictures and the decoders need some, too.
worker_connections = max(threads + 16, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64 - 2 * threads))
umask = 0o077  # as in app/store/rights.py
preload_app = False
control_socket_disable = True  # it would lie in the home folder and nothing uses it

timeout = 120
graceful_timeout = 30  # uploads under way end; what waits in the queue is taken up at the next start
keepalive = 5
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # gunicorn believes no X-Forwarded header; TRUSTED_PROXIES decides (app/serving/security.py)
forwarder_headers = ""  # nor any that would change the path
worker_tmp_dir = str(MEMORY_DISK) if MEMORY_DISK.is_dir() else None  # heartbeat file, not on a slow disk

accesslog = None  # the application writes its own lines, without addresses
logconfig_dict = logging_settings(_log_level())


_STARTED = {"warm-up", "analysis"}  # our threads that may be opening networks or reading


def on_starting(_server: Any) -> None:
    """A server that is started again tries a GPU again that was left alone (app/workers/watchdog.py)."""
    with contextlib.suppress(OSError):  # a read-only folder is told by the worker, in a sentence
        (Path(text("DATA_DIR")) / "gpu_hung").unlink()


def post_worker_init(worker: Any) -> None:
    """Start the analysis and open the networks beside it, so that the first upload does not wait for them."""
    from gunicorn import util

    from app.serving import unreadable  # here, as below: the application is loaded in the worker

    unreadable.bind(util)
    application = worker.app.wsgi()
    services = application.extensions["sonotriage"]
    services.worker.start()
    threading.Thread(target=_warm_up, args=(worker, services), name="warm-up", daemon=True).start()


def _warm_up(worker: Any, services: Any) -> None:
    from app.places import places  # here: the application is loaded in the worker, not in gunicorn's own process

    try:
        services.engine.warm_up()
    except Exception as error:  # the pages still work, uploads wait, and /health/ready says why
        worker.log.error("networks could not be opened: %s", getattr(error, "code", type(error).__name__))
    services.decoder.warm_up()
    places.warm_up()


def worker_exit(server: Any, worker: Any) -> None:
    """Let the batch under way end before the process does."""
    application = getattr(worker.app, "callable", None)
    if application is not None and "sonotriage" in application.extensions:
        application.extensions["sonotriage"].worker.stop(timeout_s=10)
        application.extensions["sonotriage"].decoder.close()
    if _STARTED & {thread.name for thread in threading.enumerate()}:
        os._exit(0)  # where a thread is inside onnxruntime, the usual end of Python would be an abort
