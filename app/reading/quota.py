"""How many pictures one sender may leave here: a browser by what is kept for it, a program by its address and day.

A program makes a new key for each picture, so keys can't be counted; its address is held in memory, never stored. The
same goes for a browser that brings no cookie, as every one does at first and a script always.
"""

from __future__ import annotations

from flask import current_app
from limits import RateLimitItemPerDay
from sqlalchemy import func, select

from app.tables import Image
from app.web.extensions import db, limiter


def is_reached(owner: str | None, name: str, address: str | None) -> bool:
    """True when this sender may not leave one more.

    Args:
        owner: owner hash of the browser or client; None for one that nothing can be kept for yet.
        name: whether it is a program or a browser: those of one address don't use up each other's share.
        address: of a program, and of a browser without our cookie; else None.
    """
    is_day_full = address is not None and not limiter.limiter.test(_day(), "quota", name, address)
    return is_day_full or (0 if owner is None else _kept(owner)) >= _limit()


def _kept(owner: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Image).where(Image.owner == owner)) or 0


def count(name: str, address: str | None) -> None:
    """Count a picture for an address, where there is one."""
    if address is not None:
        limiter.limiter.hit(_day(), "quota", name, address)


def _day() -> RateLimitItemPerDay:
    return RateLimitItemPerDay(_limit())


def _limit() -> int:
    limit: int = current_app.config["UPLOADS_PER_SENDER"]
    return limit
