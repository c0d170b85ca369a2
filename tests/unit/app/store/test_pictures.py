"""The picture store on a real folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.store.pictures import MissingPicture, PictureStore


@pytest.fixture
def store(tmp_path: Path) -> PictureStore:
    return PictureStore(tmp_path / "pictures")


def pixels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 50), dtype=np.uint8)


def test_pixels_come_back_as_they_were_put(store: PictureStore) -> None:
    assert np.array_equal(store.get(store.put(pixels())), pixels())


def test_the_same_pixels_are_kept_once(store: PictureStore) -> None:
    assert store.put(pixels()) == store.put(pixels())
    assert len(list(store.root.rglob("*.png"))) == 1


def test_nothing_half_written_is_left_when_writing_fails(store: PictureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.store.pictures.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(pixels())
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_damaged_picture_is_noticed(store: PictureStore) -> None:
    key = store.put(pixels())
    content = bytearray(store.path(key).read_bytes())
    content[60] ^= 1
    store.path(key).write_bytes(content)
    with pytest.raises(MissingPicture, match="damaged"):
        store.get(key)


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "\n", "a/../" + "b" * 59])
def test_no_key_leaves_the_folder(store: PictureStore, key: str) -> None:
    with pytest.raises(MissingPicture):
        store.path(key)


def test_a_removed_picture_is_missing_and_removing_it_again_is_fine(store: PictureStore) -> None:
    key = store.put(pixels())
    store.remove(key)
    store.remove(key)
    with pytest.raises(MissingPicture, match="missing"):
        store.content(key)
