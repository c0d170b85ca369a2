"""What gunicorn serves: `gunicorn --config gunicorn.conf.py wsgi:app`."""

import os
import sys

WORKER_BOOT_ERROR = 3  # gunicorn gives up at this status, and tries the same again and again at any other
INTERRUPTED = 130  # as app/commands/endings.py says it once a command runs

try:
    from app import create_app
    from app.config import BadSetting
    from app.store import rights
    from app.upkeep import startup
    from app.workers import concurrency, memory

    rights.keep_to_owner()
    memory.keep_little()
    concurrency.share_cores()
    app = create_app()
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":  # commands look at a folder as it is, and mend it
        startup.check(app.config)
        startup.mark(app.config["DATA_DIR"])
except KeyboardInterrupt:  # the imports alone take a second
    raise SystemExit(INTERRUPTED) from None
except (BadSetting, OSError, startup.CantStart) as error:  # a person reads this: one sentence, no traceback
    print(f"Sonotriage can't start: {error}", file=sys.stderr, flush=True)  # noqa: T201
    raise SystemExit(WORKER_BOOT_ERROR) from error
