"""Places where the process can be made to die or to wait, so that a test breaks it exactly there. Off by default.

`SONOTRIAGE_FAILPOINT=name` ends the process by SIGKILL when it first comes to `name`, `name:3` when it comes there for
the third time. `name:3:2.5` waits 2.5 seconds there instead, on the third and every later time.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

VARIABLE = "SONOTRIAGE_FAILPOINT"

# Where `reached` is called, in the order in which an upload comes there.
PICTURE_RENAMED = "picture-renamed"  # the file has its name, its folder is not synced, no row names it
BEFORE_COMMIT = "before-commit"  # the image's row is written inside the open transaction
AFTER_COMMIT = "after-commit"  # the image is kept, nobody was told
INFERENCE = "inference"  # the images are leased, the networks are about to run
BEFORE_RESULT = "before-result"  # the results are written inside the open transaction


@dataclass
class _Wanted:
    name: str
    nth: int = 1
    sleep_s: float = 0.0  # 0 kills
    passes: Iterator[int] = field(default_factory=lambda: itertools.count(1))


def _read(text: str) -> _Wanted | None:
    name, nth, sleep_s = [*text.split(":"), "", ""][:3]
    return _Wanted(name, int(nth or 1), float(sleep_s or 0)) if name else None


_wanted = _read(os.environ.get(VARIABLE, ""))


def reached(name: str) -> None:
    """Die or wait here, if the environment asked for it when the process started."""
    if _wanted is None or _wanted.name != name:
        return
    count = next(_wanted.passes)
    if _wanted.sleep_s and count >= _wanted.nth:
        time.sleep(_wanted.sleep_s)
    elif not _wanted.sleep_s and count == _wanted.nth:
        os.kill(os.getpid(), signal.SIGKILL)
