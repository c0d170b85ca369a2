"""Room in the queue, counted now and then."""

from __future__ import annotations

import pytest

from app.workers import queue_room
from app.workers.queue_room import QueueRoom


def test_no_more_are_let_in_than_there_is_room_for() -> None:
    room, waiting = QueueRoom(), [0]

    def send() -> bool:
        is_in = room.take(3, lambda: waiting[0])
        waiting[0] += is_in
        return is_in

    assert [send() for _ in range(5)] == [True, True, True, False, False]
    waiting[0] = 2
    assert [send() for _ in range(2)] == [True, False]


def test_while_there_is_room_the_database_is_left_alone() -> None:
    room, asked = QueueRoom(), []
    assert all(room.take(100, lambda: asked.append(1) or 0) for _ in range(50))
    assert len(asked) == 1


def test_what_others_put_into_the_queue_is_seen_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    room, now = QueueRoom(), [100.0]
    monkeypatch.setattr(queue_room.time, "monotonic", lambda: now[0])
    assert room.take(3, lambda: 0)
    now[0] += queue_room.COUNTED_FOR_S + 0.1
    assert not room.take(3, lambda: 3)


def test_another_limit_counts_at_once() -> None:
    room = QueueRoom()
    assert room.take(256, lambda: 0)
    assert not room.take(1, lambda: 1)
