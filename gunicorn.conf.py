"""How gunicorn serves: one process that owns the networks, many threads that wait for answers, none for slow uploads.

The application is loaded in the worker, after fork (no preload): onnxruntime sessions opened before a fork crash in
the child, and SQLite connections must not cross one. For the same reason nothing here imports `app`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import resource
import threading
from pathlib import Path
from typing import Any

from json_log import level_named, logging_settings
from patient_worker import PatientWorker


def _setting(name: str, default: str) -> str:
    return os.environ.get(f"SONOTRIAGE_{name}") or os.environ.get(name) or default


def _log_level() -> str:
    try:
        return level_named(_setting("LOG_LEVEL", "INFO"))
    except ValueError:  # the worker refuses to start with it, in a sentence
        return "INFO"


def _count(name: str, default: str) -> int:
    text = _setting(name, default)
    is_sane = text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0
    return int(text) if is_sane else int(default)  # refused by the worker, as above


def _address() -> str:
    """Where to listen. What is no address or port is refused by the worker, which starts on any free port for that."""
    host, port = _setting("LISTEN", "127.0.0.1"), _setting("PORT", "8000")
    try:
        if host != "localhost":
            host = str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        host, port = "127.0.0.1", "0"
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536
    return f"{f'[{host}]' if ':' in host else host}:{port if is_port else 0}"


bind = _address()
workers = 1
worker_class = PatientWorker
threads = _count("WEB_THREADS", "48")
# Each connection takes a file handle, and the database, the pictures and the decoders need some, too.
worker_connections = max(threads + 16, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 64 - 2 * threads))
PatientWorker.body_limit = _count("MAX_UPLOAD_MB", "50") * 1_000_000 + 2_000_000  # as in app/serving/security.py
PatientWorker.folder = Path(_setting("DATA_DIR", "data"))
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
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - heartbeat file, not on a slow disk

accesslog = None  # the application writes its own lines, without addresses
logconfig_dict = logging_settings(_log_level())


_STARTED = {"warm-up", "analysis"}  # our threads that may be opening networks or reading


def on_starting(_server: Any) -> None:
    """A server that is started again tries a GPU again that was left alone (app/workers/watchdog.py)."""
    with contextlib.suppress(OSError):  # a read-only folder is told by the worker, in a sentence
        (Path(_setting("DATA_DIR", "data")) / "gpu_hung").unlink()


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
