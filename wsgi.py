"""What gunicorn serves: `gunicorn --config gunicorn.conf.py wsgi:app`."""

import os

from app import create_app, startup
from app.config import BadSetting

try:
    app = create_app()
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":  # commands look at a folder as it is, and mend it
        startup.check(app.config)
        startup.mark(app.config["DATA_DIR"])
except (BadSetting, OSError, startup.CantStart) as error:  # a person reads this: one sentence, no traceback
    raise SystemExit(f"Sonotriage can't start: {error}") from error
