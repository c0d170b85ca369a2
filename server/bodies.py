"""How many bodies may come in at once, by their length: no sender fills the memory, and all together a part.

nginx can't count bytes, only requests: each class has a share of `SPOOL_MB`, and takes as many bodies of its longest
length as fit into that; one address gets half of them, and of the smallest enough for a clinic behind one address.
"""

from __future__ import annotations

from dataclasses import dataclass

ANSWER_MB = 32  # of a large answer that waits for a slow reader; the rest of it waits in gunicorn
PEOPLE = 64  # behind one address, who all send a small picture at the same moment


@dataclass(frozen=True)
class Bodies:
    """One class: its name, a pattern of the Content-Length's digits, and how many at once, of all and of an address."""

    name: str
    lengths: str
    together: int
    of_one: int


def classes(spool_mb: int, body_limit: int) -> tuple[Bodies, ...]:
    """The three classes, shortest first.

    Args:
        spool_mb: what all bodies together may take, in megabytes.
        body_limit: longest body in bytes; one whose length is not said counts as that long.
    """
    small, middle, large = (
        max(1, int(share * spool_mb * 1_000_000 / longest))
        for share, longest in ((0.3, 2_000_000), (0.4, 10_000_000), (0.3, body_limit))
    )
    return (
        Bodies("small", r"[0-9]{1,6}|1[0-9]{6}", max(small, PEOPLE), max(small // 2, PEOPLE)),
        Bodies("middle", r"[2-9][0-9]{6}", middle, -(-middle // 2)),
        Bodies("large", r".*", large, -(-large // 2)),
    )


def large_answers(spool_mb: int) -> int:
    """How many answers that may be large wait for their readers at once; they take as much as all bodies may."""
    return max(2, spool_mb // ANSWER_MB)
