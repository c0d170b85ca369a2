"""Log lines as JSON, one a line. Whatever a field holds, a newline included, stays inside one JSON string.

Beside the packages and not inside `app`, because gunicorn's first process reads it: importing `app` there would load
onnxruntime before the fork, and the serving process would then abort when it ends.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from flask import g, has_request_context

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FRAMES = 24  # of a stack that are logged, the innermost
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


# Lines of gunicorn that go on with the address of whoever asked and a piece of what was asked.
_QUOTING = ("Invalid request", "Error handling request")


class Unquoted(logging.Filter):
    """Cuts what was sent out of gunicorn's own lines; nothing but the first words stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        for words in _QUOTING:
            if str(record.msg).startswith(words):
                record.msg, record.args = words, ()
        return True


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, request id, extras, place of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["stack"] = _stack(record.exc_info[1])[-FRAMES:]
        return json.dumps(line, default=str)


def _stack(error: BaseException | None) -> list[str]:
    """Where an exception came from, innermost last, without its text."""
    if error is None:
        return []
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    cause = error.__cause__ or error.__context__
    return [*_stack(cause), *([f"{type(cause).__name__} led to"] if cause else []), *frames]


def level_named(text: str) -> str:
    """One of LEVELS, however it is spelt.

    Raises:
        ValueError: the text names none.
    """
    if text.upper() not in LEVELS:
        raise ValueError(f"expected one of {', '.join(LEVELS)}")
    return text.upper()


def logging_settings(level: str) -> dict[str, Any]:
    """Settings for `logging.config.dictConfig`: everything to standard error as JSON, gunicorn's own lines too.

    Args:
        level: least severe level that is logged, one of LEVELS.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"unquoted": {"()": "server.json_log.Unquoted"}},
        "formatters": {"json": {"()": "server.json_log.JsonFormatter"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": level, "handlers": ["console"]},
        "loggers": {
            "gunicorn.error": {"level": level, "handlers": [], "propagate": True, "filters": ["unquoted"]},
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
            "pydicom": {"level": "CRITICAL"},  # it quotes values of the file's header
            "flask-limiter": {"level": "ERROR"},  # it names the address of whoever asked too often
            "geopy": {"level": "WARNING"},  # it quotes the address that it asks, and with it the typed place
            "alembic.runtime.plugins": {"level": "WARNING"},  # six lines at each start that tell nobody anything
        },
    }
