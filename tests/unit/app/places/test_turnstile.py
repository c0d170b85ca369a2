import threading
import time

from app.places.turnstile import Turnstile


def test_the_first_passage_does_not_wait_and_the_next_one_does(tmp_path):
    turnstile = Turnstile(tmp_path / "turn", pause_s=0.6)
    start = time.monotonic()
    turnstile.wait()
    first = time.monotonic() - start
    turnstile.wait()
    assert first < 0.5
    assert time.monotonic() - start >= 0.6


def test_two_turnstiles_on_one_file_share_the_pause(tmp_path):
    passages = []

    def pass_through() -> None:
        Turnstile(tmp_path / "turn", pause_s=0.05).wait()
        passages.append(time.monotonic())

    threads = [threading.Thread(target=pass_through) for _ in range(4)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(passages) - start >= 0.14  # not each distance: a busy machine may let a thread note its passage late


def test_a_clock_that_was_set_back_delays_by_one_pause_at_most(tmp_path):
    (tmp_path / "turn").write_text(f"{time.time() + 86_400:020.6f}")
    start = time.monotonic()
    Turnstile(tmp_path / "turn", pause_s=0.05).wait()
    assert time.monotonic() - start < 1.0


def test_a_damaged_file_counts_as_no_passage(tmp_path):
    (tmp_path / "turn").write_text("rubbish")
    Turnstile(tmp_path / "turn", pause_s=0.01).wait()
    assert float((tmp_path / "turn").read_text()[:20]) > 0
