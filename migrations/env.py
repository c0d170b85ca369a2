"""Runs the revisions in versions/ against the application's database."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

import app.tables  # noqa: F401 - registers every table
from app.tables.moment import Moment
from app.web.extensions import db


def render_item(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Write moments as plain date-times, so that a revision does not depend on today's code."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, Moment) else False


def run() -> None:
    """Upgrade in one transaction that holds the write lock; two processes that start at once take turns.

    Whoever hands a connection in (`app/store/schema.py`) has the revisions run on a database of its own.
    """
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given.execution_options(is_writing=True))
        return
    with current_app.extensions["migrate"].db.engine.connect().execution_options(is_writing=True) as connection:
        _run(connection)


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=db.metadata, render_as_batch=True, render_item=render_item)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


run()
