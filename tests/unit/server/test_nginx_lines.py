"""Lines of nginx in our log: what happened, and nothing of a person."""

from __future__ import annotations

import pytest

from server.nginx_lines import cut

START = "2026/11/28 13:49:45 [{level}] 15#15: *7 "


def test_an_accident_is_told_without_who_asked_for_what() -> None:
    line = START.format(level="crit") + (
        'pwrite() "/dev/shm/sonotriage-0-8000/bodies/0000000001" failed (28: No space left on device), '
        'client: 192.0.2.7, server: , request: "POST /r/secret?place=Jane HTTP/1.1", host: "x", referrer: "http://x/r/other"'
    )
    assert cut(line) == ("ERROR", 'pwrite() "…" failed (28: No space left on device)')


@pytest.mark.parametrize(
    "planted",
    [
        'open() "/srv/static/Jane" failed (36: File name too long)',
        'open() "/srv/static/a" Jane "b" failed (36: File name too long)',
        'open() "/srv/a, client: Jane" failed (36: x)',
        'upstream prematurely closed connection, client: Jane, server: , request: "GET / HTTP/1.1"',
    ],
)
def test_what_somebody_may_have_sent_is_cut(planted: str) -> None:
    assert "Jane" not in cut(START.format(level="error") + planted)[1]


@pytest.mark.parametrize(("level", "ours"), [("emerg", "CRITICAL"), ("error", "ERROR"), ("notice", "INFO")])
def test_levels_have_our_names(level: str, ours: str) -> None:
    assert cut(START.format(level=level) + "x")[0] == ours


def test_a_line_in_another_shape_is_an_error() -> None:
    assert cut("nginx: something else") == ("ERROR", "nginx: something else")
