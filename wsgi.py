"""What gunicorn serves: `gunicorn --config gunicorn.conf.py wsgi:app`."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WORKER_BOOT_ERROR = 3  # gunicorn gives up at this status, and tries the same again and again at any other
INTERRUPTED = 130  # as app/commands/endings.py says it once a command runs
IS_COMMAND = os.environ.get("FLASK_RUN_FROM_CLI") == "true"


def _end_at_once(_number: int, _frame: object) -> None:
    with suppress(OSError):
        os.write(2, b"Stopped before it began.\n")
    os._exit(INTERRUPTED)


@contextmanager
def _interrupted_at_once() -> Iterator[None]:
    """Ctrl-C while a command loads, which takes seconds, ends it there: nothing has to be left in order yet."""
    before = signal.getsignal(signal.SIGINT)
    is_ours = IS_COMMAND and threading.current_thread() is threading.main_thread()
    if not is_ours or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _end_at_once)
    yield
    signal.signal(signal.SIGINT, before)


with _interrupted_at_once():
    from app import create_app
    from app.config import BadSetting
    from app.store import rights
    from app.upkeep import startup
    from app.workers import concurrency, memory

    try:
        rights.keep_to_owner()
        memory.keep_little()
        concurrency.share_cores()
        app = create_app()
        if not IS_COMMAND:  # commands look at a folder as it is, and mend it
            startup.check(app.config)
            startup.mark(app.config["DATA_DIR"])
    except (BadSetting, OSError, startup.CantStart) as error:  # a person reads this: one sentence, no traceback
        print(f"Sonotriage can't start: {error}", file=sys.stderr, flush=True)  # noqa: T201
        raise SystemExit(WORKER_BOOT_ERROR) from error
