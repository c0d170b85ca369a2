"""The list of what was deleted."""

from __future__ import annotations

from pathlib import Path

from app.store import erasures

ONE, TWO = erasures.name_of("1" * 32), erasures.name_of("2" * 32)


def test_a_name_tells_nothing_of_the_id() -> None:
    assert len(ONE) == 64
    assert "1" * 32 not in ONE
    short = erasures.short_name_of("1" * 32)
    assert short == f"-{ONE[:31]}"
    assert erasures.short_name_of(short) == short


def test_what_is_added_is_read_again_and_nothing_else_lies_in_the_file(tmp_path: Path) -> None:
    assert erasures.read(tmp_path) == frozenset()
    erasures.add(tmp_path, [ONE])
    erasures.add(tmp_path, [TWO, ONE])
    assert erasures.read(tmp_path) == {ONE, TWO}
    assert (tmp_path / "erased.txt").read_text().split() == [ONE, TWO, ONE]
    assert (tmp_path / "erased.txt").stat().st_mode & 0o777 == 0o600


def test_half_a_line_of_a_power_cut_spoils_none_after_it(tmp_path: Path) -> None:
    erasures.add(tmp_path, [ONE])
    with (tmp_path / "erased.txt").open("a") as file:
        file.write("\n" + TWO[:20])
    erasures.add(tmp_path, [TWO])
    assert erasures.read(tmp_path) == {ONE, TWO}


def test_merging_adds_only_what_is_missing(tmp_path: Path) -> None:
    erasures.add(tmp_path, [ONE])
    before = (tmp_path / "erased.txt").stat().st_mtime_ns
    erasures.merge(frozenset([ONE]), tmp_path)
    assert (tmp_path / "erased.txt").stat().st_mtime_ns == before
    erasures.merge(frozenset([ONE, TWO]), tmp_path)
    assert erasures.read(tmp_path) == {ONE, TWO}
