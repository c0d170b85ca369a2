import threading
import time
from itertools import pairwise

from app.clinics.turnstile import Turnstile


def test_the_first_passage_does_not_wait_and_the_next_one_does(tmp_path):
    turnstile = Turnstile(tmp_path / "turn", pause_s=0.1)
    start = time.monotonic()
    turnstile.wait()
    first = time.monotonic() - start
    turnstile.wait()
    assert first < 0.08
    assert time.monotonic() - start >= 0.1


def test_two_turnstiles_on_one_file_share_the_pause(tmp_path):
    passages = []

    def pass_through() -> None:
        Turnstile(tmp_path / "turn", pause_s=0.05).wait()
        passages.append(time.monotonic())

    threads = [threading.Thread(target=pass_through) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passages.sort()
    assert all(later - earlier >= 0.04 for earlier, later in pairwise(passages))


def test_a_clock_that_was_set_back_delays_by_one_pause_at_most(tmp_path):
    (tmp_path / "turn").write_text(f"{time.time() + 86_400:020.6f}")
    start = time.monotonic()
    Turnstile(tmp_path / "turn", pause_s=0.05).wait()
    assert time.monotonic() - start < 1.0


def test_a_damaged_file_counts_as_no_passage(tmp_path):
    (tmp_path / "turn").write_text("rubbish")
    Turnstile(tmp_path / "turn", pause_s=0.01).wait()
    assert float((tmp_path / "turn").read_text()[:20]) > 0
