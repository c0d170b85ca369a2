"""Backups while pictures come in: each of them must hold all that was acknowledged before it began."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exam.conftest import Launch
from tests.exam.faults import Sender
from tests.exam.fuzzing import oracle
from tests.exam.marks import exam
from tests.factories.keys import give_keys
from tests.factories.server import Server

SENDERS = 4  # about ten pictures a second
# Fifty backups of ten servers: what came before is in each backup, and is looked at picture by picture.
ROUNDS = [(1, 0), *(pytest.param(5, seed, marks=pytest.mark.long) for seed in range(1, 11))]


@exam(
    "F15",
    given="Backups at random moments while about ten pictures a second come in; each is put into an empty server",
    expected="Whatever was acknowledged before a backup began is in it, whole, and is read to its end",
)
@pytest.mark.parametrize(("rounds", "seed"), ROUNDS)
def test_a_backup_under_load_restores_all_that_was_acknowledged(
    rounds: int, seed: int, launch: Launch, tiny_models: Path, tmp_path: Path, seen: Callable[[str], None]
) -> None:
    server = launch(models=tiny_models, QUEUE_LIMIT="100000").start()
    key = give_keys(server, tmp_path / "keys")
    chance, acknowledged, verdicts, seconds = random.Random(seed), set[str](), list[oracle.Verdict](), 0.0
    for number in range(rounds):
        sender, copy, started = Sender(server), tmp_path / f"backup-{number}", time.monotonic()
        sender.numbers = itertools.count(number * 10_000)
        with sender.busy(SENDERS):
            sender.wait_for(1)
            time.sleep(chance.uniform(0.3, 3.0))
            before = acknowledged | set(sender.acknowledged.values())
            said = server.flask("backup", str(copy))
        seconds += time.monotonic() - started
        acknowledged |= set(sender.acknowledged.values())
        assert sender.faults == []
        assert "missing" not in said
        verdicts.append(_restored(launch(f"restored-{number}", models=tiny_models), copy, key, before))
        copy.unlink()
    faults = [fault for verdict in verdicts for fault in verdict.faults]
    last = oracle.examine(server, acknowledged)
    seen(
        f"{rounds} backups under {len(acknowledged) / seconds:.0f} pictures a second: {len(faults)} faults in the "
        f"restored copies, the last with {verdicts[-1].rows} rows; the server itself: {last}"
    )
    assert faults == []
    assert last.faults == []


def _restored(other: Server, copy: Path, key: tuple[str, str], before: set[str]) -> oracle.Verdict:
    """A server that never had anything else, with the backup in it."""
    other.flask("restore", str(copy), *key)
    try:
        verdict = oracle.examine(other.start(), before)
        assert verdict.rows >= len(before) > 0
        return verdict
    finally:
        other.stop()
        shutil.rmtree(other.data)
