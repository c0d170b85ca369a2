"""What is minimised."""

from __future__ import annotations

import torch
from monai.losses import DiceLoss
from torch.nn import functional

_dice = DiceLoss(sigmoid=True, reduction="none", smooth_nr=1.0, smooth_dr=1.0)


def segmentation_loss(
    mask_logits: torch.Tensor, class_logits: torch.Tensor, mask: torch.Tensor, label: torch.Tensor, class_weight: float
) -> torch.Tensor:
    """Cross entropy per pixel, Dice on pictures that hold a lesion, and the auxiliary class loss.

    Dice is left out for empty masks: there it only says "nothing", which the cross entropy says more smoothly.

    Args:
        mask_logits, mask: `B x 1 x H x W`; mask holds 0 or 1 as float.
        class_logits: `B x 3`; label: int64 `B`.
        class_weight: weight of the auxiliary class loss.
    """
    pixel_loss = functional.binary_cross_entropy_with_logits(mask_logits, mask)
    has_lesion = (mask.sum(dim=(1, 2, 3)) > 0).float()
    dice = _dice(mask_logits, mask).flatten(1).mean(dim=1)
    overlap_loss = (dice * has_lesion).sum() / has_lesion.sum().clamp(min=1.0)
    return pixel_loss + overlap_loss + class_weight * functional.cross_entropy(class_logits, label)
