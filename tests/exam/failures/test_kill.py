"""`kill -9` at the named places: F2, F3, F5. Each round is one killed worker; gunicorn starts the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.store import failpoints
from app.store.database import driver
from tests.exam.conftest import Launch
from tests.exam.faults import TAKEN, Sender, armed, blank, deaths, sound_after_restart, until
from tests.exam.fuzzing.oracle import age, run_flask
from tests.exam.marks import exam
from tests.factories.server import Server

ROUNDS = [1, pytest.param(50, marks=pytest.mark.long)]
Seen = Callable[[str], None]


def rows(server: Server) -> set[str]:
    with closing(driver.connect(server.data / "sonotriage.db", timeout=10)) as database:
        return {row[0] for row in database.execute("SELECT id FROM image")}


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.long)])
@exam("F2", given="kill -9 after a picture's file has its name, before its row is committed",
      expected="no row without its file; files without a row are found, and gone after an hour")  # fmt: skip
def test_a_file_without_its_row_is_found_and_removed(
    launch: Launch, tiny_models: Path, seen: Seen, rounds: int
) -> None:
    server = armed(launch(models=tiny_models, WAIT_S="0"), f"{failpoints.PICTURE_RENAMED}:6")
    sender = Sender(server, make=blank)
    with sender.busy(insists=lambda number: number % 2 == 0):  # the others are given up: their files are orphans
        until(lambda: deaths(server) >= rounds, 20 + 12 * rounds)
    verdict = sound_after_restart(server, sender)
    assert verdict.orphans > 0, "no kill came between the file and its row"
    server.stop()
    age((server.data / "pictures").glob("*/*"), hours=2)
    server.start()
    until(lambda: "orphaned pictures: 0" in run_flask(server, "check").stdout, 30, pause_s=1)
    seen(f"{deaths(server)} kills, {len(sender.acknowledged)} acknowledged, {verdict}; the orphans went at the start")


@pytest.mark.parametrize("rounds", ROUNDS)
@exam("F3", given="kill -9 after the commit, before the answer",
      expected="sending the same again leads to the image that is there already")  # fmt: skip
def test_sending_again_after_a_lost_answer_gives_the_same_image(
    launch: Launch, tiny_models: Path, seen: Seen, rounds: int
) -> None:
    server = armed(launch(models=tiny_models, WAIT_S="0"), f"{failpoints.AFTER_COMMIT}:3")
    sender, lost = Sender(server), []
    while len(lost) < rounds:
        number = next(sender.numbers)
        before = rows(server)
        if sender.once(number) in TAKEN:
            continue
        (kept,) = rows(server) - before
        sender.insist(number)
        lost.append((number, kept))
    verdict = sound_after_restart(server, sender)
    assert [sender.acknowledged[number] for number, _ in lost] == [kept for _, kept in lost]
    assert rows(server) == set(sender.acknowledged.values())
    seen(f"{len(lost)} answers lost, {len(lost)} times the same id on the second try; {verdict}")


@pytest.mark.parametrize("rounds", ROUNDS)
@exam("F5", given="kill -9 inside the open transaction of an upload", expected="rolled back: no row, no half row")
def test_a_kill_inside_the_uploads_transaction_leaves_no_row(
    launch: Launch, tiny_models: Path, seen: Seen, rounds: int
) -> None:
    server = armed(launch(models=tiny_models, WAIT_S="0"), f"{failpoints.BEFORE_COMMIT}:3")
    sender, killed = Sender(server), 0
    while killed < rounds:
        number = next(sender.numbers)
        before = rows(server)
        if sender.once(number) not in TAKEN:
            assert rows(server) == before
            sender.insist(number)
            killed += 1
    verdict = sound_after_restart(server, sender)
    assert rows(server) == set(sender.acknowledged.values())
    seen(f"{killed} kills, {killed} rolled back; {verdict}")


@pytest.mark.parametrize("rounds", ROUNDS)
@exam("F5", given="kill -9 inside the open transaction of a result",
      expected="rolled back: the image is read again, and has one result")  # fmt: skip
def test_a_kill_inside_the_results_transaction_gives_one_result(
    launch: Launch, tiny_models: Path, seen: Seen, rounds: int
) -> None:
    server = armed(launch(models=tiny_models, WAIT_S="0"), f"{failpoints.BEFORE_RESULT}:5")
    sender = Sender(server)
    with sender.busy():
        until(lambda: deaths(server) >= rounds, 20 + 12 * rounds)
    verdict = sound_after_restart(server, sender)
    seen(f"{deaths(server)} kills, {len(sender.acknowledged)} acknowledged; {verdict}")
