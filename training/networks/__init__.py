"""The networks that a recipe can name. A name tells how a recipe part becomes a network; no recipe has its own class.

What outlines maps float `B x 1 x S x S` in 0..1 to mask logits `B x 1 x S x S` and class logits `B x 3`, or is a
`Rule`. What judges maps float `B x 3 x S x S` (picture, lesion probability, picture under it) to class logits `B x 3`,
and has `embed` (pixels to `B x D`) and `head` (`B x D` to logits), so that both can be asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from training.networks import cnn, efficientnet, lite_unet, plain_unet, resnet, rule, segnet, unet, widened

Build = Callable[[dict[str, Any]], nn.Module]

OUTLINES: dict[str, Build] = {
    "unet": unet.build,
    "lite-unet": lite_unet.build,
    "plain-unet": plain_unet.build,
    "threshold": rule.build_threshold,
    "none": rule.build_none,
}
JUDGES: dict[str, Build] = {
    "efficientnet": efficientnet.build,
    "widened-efficientnet": widened.build,
    "resnet": resnet.build,
    "cnn": cnn.build,
    "segnet": segnet.build,
}
