"""The pieces between the networks, as they are in the one graph, against the serving code."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from imaging import postprocess, preprocess  # noqa: E402
from imaging.phantom import speckle  # noqa: E402
from imaging.statistics.scores import Scaling  # noqa: E402
from training.exporting.whole_graph import After, Before, Between, _parts  # noqa: E402

SIZE, NARROW, SHARE, BORDER = 224, 192, 0.002, 0.25
SHAPES = [(375, 448), (448, 300), (471, 562), (100, 90), (224, 224), (60, 700)]


def _blots(seed: int, height: int, width: int, blur: float) -> np.ndarray:
    """A uint8 field of random blots, as a lesion probability map with several parts."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), blur)
    return np.uint8(255 * (smooth - smooth.min()) / (smooth.max() - smooth.min()))


def _on_canvas(pictures: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    canvas = np.zeros(
        (len(pictures), 1, max(p.shape[0] for p in pictures), max(p.shape[1] for p in pictures)), np.uint8
    )
    for index, picture in enumerate(pictures):
        canvas[index, 0, : picture.shape[0], : picture.shape[1]] = picture
    return torch.from_numpy(canvas), torch.tensor([picture.shape for picture in pictures])


def _close(found: np.ndarray, wanted: np.ndarray, greys: int = 1) -> bool:
    """Equal up to the rounding of a grey."""
    return bool(np.abs(found.astype(int) - wanted.astype(int)).max() <= greys)


def test_pictures_of_any_shape_are_letterboxed_in_one_batch_as_serving_does_it() -> None:
    pictures = [speckle(seed, "oval", *shape) for seed, shape in enumerate(SHAPES)]
    found = Before(SIZE)(*_on_canvas(pictures))
    for index, picture in enumerate(pictures):
        assert _close(found[index, 0].numpy(), preprocess.fit(picture, SIZE)[0])


def test_masks_boxes_and_segmented_pictures_are_those_of_serving() -> None:
    pictures = [speckle(seed, "oval", *shape) for seed, shape in enumerate(SHAPES)]
    answers = [_blots(seed, SIZE, SIZE, 12) for seed in range(len(SHAPES))]
    canvas, extent = _on_canvas(pictures)
    segmented, laid, parts, window = Between(NARROW, 0.5, SHARE, BORDER)(
        canvas, extent, torch.from_numpy(np.stack(answers))[:, None]
    )
    for index, picture in enumerate(pictures):
        height, width = picture.shape
        own = laid[index, :height, :width].numpy()
        assert _close(own, preprocess.restore(answers[index], preprocess.placement(height, width, SIZE)))
        mask = postprocess.mask_of(own, 0.5, SHARE)
        main_part = postprocess.largest_part(mask)
        assert np.array_equal(parts[index, :height, :width].numpy() > 0, mask)
        assert np.array_equal(parts[index, :height, :width].numpy() == 2, main_part)
        box = postprocess.box_of(main_part)
        assert box is not None
        expected = preprocess.bordered(box, BORDER, height, width)
        assert window[index].tolist() == [expected.top, expected.left, expected.bottom, expected.right]
        wanted = preprocess.segmented(picture, own, box, BORDER, NARROW)
        assert _close(segmented[index, :2].numpy(), wanted[:2])
        assert _close(segmented[index, 2].numpy(), wanted[2], 2)  # a product of two that may each be one off


def test_without_a_lesion_the_window_is_the_whole_picture() -> None:
    canvas, extent = _on_canvas([speckle(1, None, 375, 448)])
    segmented, _, parts, window = Between(NARROW, 0.5, SHARE, BORDER)(
        canvas, extent, torch.zeros(1, 1, SIZE, SIZE, dtype=torch.uint8)
    )
    assert int(parts.max()) == 0
    assert window[0].tolist() == [0, 0, 375, 448]
    assert _close(segmented[0, 0].numpy(), preprocess.fit(canvas[0, 0].numpy(), NARROW)[0])


@pytest.mark.parametrize("blur", [3, 5, 9])
def test_parts_of_any_shape_are_told_apart(blur: float) -> None:
    binary = _blots(7, 150, 170, blur) > 140
    mask, main_part = _parts(torch.from_numpy(binary)[None], torch.tensor([20.0]))
    wanted = postprocess.mask_of(binary.astype(np.uint8) * 255, 0.5, 20 / binary.size)
    assert postprocess.parts_of(wanted) >= 3
    assert np.array_equal(mask[0].numpy(), wanted)
    assert np.array_equal(main_part[0].numpy(), postprocess.largest_part(wanted))


def test_probabilities_are_scaled_as_serving_does_it() -> None:
    generator = np.random.default_rng(3)
    logits, class_logits = generator.normal(0, 3, (2, 5, 3)).astype(np.float32)
    scaling = Scaling(7.9, 9.1, (0.2, -0.3, 0.1))
    numbers = torch.tensor([scaling.temperature, scaling.unet_weight, *scaling.bias])
    found = After()(torch.from_numpy(logits), torch.from_numpy(class_logits), numbers)
    assert np.allclose(found.numpy(), scaling.probabilities(logits, class_logits), atol=1e-6)
