"""An image: one uploaded picture and what became of it. The row is the truth, and the queue.

A study, which holds images, has no table yet.
"""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import JSON, Index, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.tables.analysis import Analysis
from app.tables.moment import Moment, now
from app.tables.review import Review
from app.web.extensions import db

# By which door an image came: the page, by nobody known; the page, by somebody signed in; the JSON interface.
PAGE, STAFF, API, UNKNOWN = "page", "staff", "api", "unknown"
SOURCES = (PAGE, STAFF, API, UNKNOWN)
QUEUED, RUNNING, DONE, DECLINED, FAILED = "queued", "running", "done", "declined", "failed"

LISTED = ("created_at", "id", "category", "label", "status", "is_reviewed", "source")

_HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}")
_ADDRESS = re.compile(r"(?:^|/)([0-9a-f]{32})(?:$|[/?#])")


def reference(image_id: str) -> str:
    """Short form of an id that a person can read out; the list searches by it, and it opens no result."""
    return image_id[:8].upper()


def reference_prefix(text: str) -> str | None:
    """The start of an id that was meant by what was typed or pasted; None when it can't be one."""
    folded = re.sub(r"[\s#-]", "", text).lower()
    address = _ADDRESS.search(folded)
    if address:
        return address[1]
    return folded if _HEXADECIMAL.fullmatch(folded) else None


class Image(db.Model):  # type: ignore[name-defined, misc]
    """`owner` and `content_sha256` together make sending the same file twice lead to one image."""

    __tablename__ = "image"
    __table_args__ = (
        # Named when the table was: SQLite renames no constraint without copying every row.
        UniqueConstraint("owner", "content_sha256", "wanted_frame", name="uq_study_owner_content_frame"),
        Index("ix_image_status_lease", "status", "lease_until"),
        # One index an order of the triage list. Each holds all that the list filters by, so that no combination of
        # filters, and no page however deep, reads more than one index (see benchmarks/questions/triage_list.py).
        Index("ix_image_work", "work_rank", *LISTED),
        Index("ix_image_newest", *LISTED),
        Index("ix_image_weight", "malignant", *LISTED),
        Index("ix_image_picture", "picture_sha256"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # 128 random bits as hexadecimal digits
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    owner: Mapped[str] = mapped_column(String(64))  # sha256 of the browser's or the client's secret
    source: Mapped[str] = mapped_column(String(16), default=UNKNOWN, server_default=UNKNOWN)  # one of SOURCES
    content_sha256: Mapped[str] = mapped_column(String(64))  # of the uploaded bytes, which are not kept
    wanted_frame: Mapped[int] = mapped_column(default=-1)  # as asked for; -1 leaves the choice to the decoder
    frame: Mapped[int] = mapped_column(default=0)
    picture_sha256: Mapped[str] = mapped_column(String(64))  # key of the kept pixels in the picture store
    kind: Mapped[str] = mapped_column(String(16))  # one of `imaging.formats.validate.KINDS`
    height: Mapped[int]
    width: Mapped[int]
    spacing_mm: Mapped[float | None]  # millimetres per pixel, where the file gave it
    spacing_source: Mapped[str | None] = mapped_column(String(64))
    # Where the picture lay in the file's own frame: the fields of `imaging.picture.Origin`; null: it is all of it.
    origin: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    # What the file says that speaks against reading it: the gate declines the picture for that.
    objection_code: Mapped[str | None] = mapped_column(String(48))
    objection: Mapped[str | None] = mapped_column(String(500))
    frames: Mapped[int] = mapped_column(default=1)
    colour_share: Mapped[float] = mapped_column(default=0.0)  # share of coloured pixels before colours were dropped
    decode_ms: Mapped[float] = mapped_column(default=0.0)
    notices: Mapped[list[str]] = mapped_column(JSON, default=list)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    place: Mapped[str | None] = mapped_column(String(200))

    status: Mapped[str] = mapped_column(String(16), default=QUEUED)
    reason_code: Mapped[str | None] = mapped_column(String(48))
    reason: Mapped[str | None] = mapped_column(String(500))
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    # Copied from the newest analysis and review, so that the list is answered from indexes.
    category: Mapped[str | None] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(16))
    malignant: Mapped[float | None]  # calibrated probability in 0..1
    urgency: Mapped[int] = mapped_column(default=0)  # higher is read first; see `categories.URGENCY`
    is_reviewed: Mapped[bool] = mapped_column(default=False)
    work_rank: Mapped[int] = mapped_column(default=0)  # order of work, see `_rank`

    # Declared here alone: the rows of both tables know the id of their image and nothing more.
    analyses: Mapped[list[Analysis]] = relationship(cascade="all, delete-orphan", order_by=Analysis.id)
    reviews: Mapped[list[Review]] = relationship(cascade="all, delete-orphan", order_by=Review.id)

    @property
    def reference(self) -> str:
        """See `reference`."""
        return reference(self.id)

    @property
    def analysis(self) -> Analysis | None:
        """The newest analysis."""
        return self.analyses[-1] if self.analyses else None

    @property
    def reading(self) -> Analysis | None:
        """The newest analysis, unless the picture was declined, or failed, when it was read again."""
        return None if self.status in (DECLINED, FAILED) else self.analysis


@event.listens_for(Image, "before_insert")
@event.listens_for(Image, "before_update")
def _rank(_mapper: object, _connection: object, image: Image) -> None:
    """Order of work: unreviewed before reviewed, then the more urgent first.

    Not a generated column: SQLite never reads an index that holds one without also reading the row.
    """
    image.work_rank = (10 if image.is_reviewed else 0) + 5 - (image.urgency or 0)
