"""The Flask extensions: made here, bound in `create_app`."""

from __future__ import annotations

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import DeclarativeBase

from app.web.api_base import JsonInterface
from app.web.rate_counters import RateCounters


class Base(DeclarativeBase):
    """Base of all tables."""


db = SQLAlchemy(model_class=Base)
migrate = Migrate(render_as_batch=True)
login = LoginManager()
csrf = CSRFProtect()
# Without its headers: Retry-After would stand in every answer, and a busy server would name a minute. See refusals.
limiter = Limiter(get_remote_address, storage_uri=f"{RateCounters.STORAGE_SCHEME[0]}://")
api = JsonInterface()
