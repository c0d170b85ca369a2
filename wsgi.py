"""What gunicorn serves: `gunicorn --config gunicorn.conf.py wsgi:app`."""

from app import create_app
from app.config import BadSetting

try:
    app = create_app()
except (BadSetting, OSError) as error:  # a person reads this: one sentence, no traceback
    raise SystemExit(f"Sonotriage can't start: {error}") from error
