"""Records who looked at what: a list page, an image, the rows of an export.

A page shows several layers of one image, and a list fifty small ones: they are fetched one by one, and not each fetch
is a row. Who has opened an image's page may fetch its layers for some minutes without another row; who was shown it in
a list, its thumbnail. Whoever fetches a layer alone gets a row for it. The memory of that is this process's own: a
restart makes some rows more, never one less.

Rows that name many images hold half of each id: enough to tell which it was, and not the id itself, which opens the
image's result and has to go from everywhere when it is deleted.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from flask import current_app

from app.audit import recording
from app.store.database import writing

REMEMBERED_S = 300
MOST_REMEMBERED = 50_000
HALF = 16  # digits of an id
IDS_IN_A_ROW = 1000  # of an export; more go on in further rows
THUMBNAIL = "thumbnail"
_Look = tuple[str, str, bool]  # who, which image, and whether all of it was shown


class Looks:
    """What was recorded lately; the oldest is forgotten when there is too much."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: OrderedDict[_Look, float] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, actor: str, image_ids: Sequence[str], *, is_whole: bool) -> None:
        """Somebody was shown images: all of them, or their thumbnails."""
        with self._lock:
            for image_id in image_ids:
                self._looks[actor, image_id, is_whole] = self._clock()
                self._looks.move_to_end((actor, image_id, is_whole))
            while len(self._looks) > MOST_REMEMBERED:
                self._looks.popitem(last=False)

    def is_recorded(self, actor: str, image_id: str, *, is_whole: bool) -> bool:
        """True when what is looked at now is covered by a row of the last minutes."""
        kinds = (True,) if is_whole else (True, False)
        with self._lock:
            return any(self._is_fresh((actor, image_id, kind)) for kind in kinds)

    def _is_fresh(self, look: _Look) -> bool:
        return self._clock() - self._looks.get(look, -REMEMBERED_S - 1.0) <= REMEMBERED_S


def listed(actor: str, image_ids: Sequence[str], filters: Mapping[str, str], page: int) -> None:
    """Somebody was shown a page of the list."""
    with writing():
        recording.record(
            actor, "list.view", page=page, filters=dict(filters), images=len(image_ids), ids=_halves(image_ids)
        )
    _looks().remember(actor, image_ids, is_whole=False)


def opened(actor: str, image_id: str) -> None:
    """Somebody was shown everything that is known of one image."""
    with writing():
        recording.record(actor, "image.view", image_id)
    _looks().remember(actor, [image_id], is_whole=True)


def fetched(actor: str, image_id: str, layer: str) -> None:
    """Somebody was sent one layer of an image; a row only where no page or list was recorded lately that shows it."""
    is_whole = layer != THUMBNAIL
    if _looks().is_recorded(actor, image_id, is_whole=is_whole):
        return
    with writing():
        recording.record(actor, "image.view", image_id, layer=layer)
    _looks().remember(actor, [image_id], is_whole=is_whole)


def exported(actor: str, image_ids: Sequence[str], filters: Mapping[str, str]) -> None:
    """Somebody takes images away as rows of a file; all of them are named, a thousand to a row."""
    parts = [image_ids[start : start + IDS_IN_A_ROW] for start in range(0, len(image_ids), IDS_IN_A_ROW)] or [[]]
    with writing():
        for number, part in enumerate(parts, start=1):
            recording.record(
                actor, "export.csv", images=len(image_ids), filters=dict(filters), part=f"{number} of {len(parts)}",
                ids=_halves(part),
            )  # fmt: skip


def _halves(image_ids: Sequence[str]) -> list[str]:
    return [image_id[:HALF] for image_id in image_ids]


def _looks() -> Looks:
    found: Looks = current_app.extensions.setdefault("audit_looks", Looks())
    return found
