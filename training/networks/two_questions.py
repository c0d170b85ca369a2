"""Two questions in the place of one among three classes: is there a lesion, and is it malignant."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from training.datasets.sample import LABELS

# Evidence for each class as a sum of the evidence for "abnormal" and for "malignant": what a class activation map adds.
_SIGNS = {"benign": (1.0, -1.0), "malignant": (1.0, 1.0), "normal": (-1.0, 0.0)}


class TwoQuestions(nn.Module):
    """Two heads, normal or not and benign or malignant, put together as logits of the three classes.

    The logits are logarithms of probabilities: normal = 1 - a, benign = a (1 - m), malignant = a m. Their cross entropy
    is the sum of the two heads' own, where the second head is asked only about pictures that are not normal.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.abnormal = nn.Linear(width, 1)
        self.malignant = nn.Linear(width, 1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """float32 `B x 3` logits of a float `B x D` embedding, in the order of `LABELS`."""
        abnormal, malignant = self.abnormal(embedding).float(), self.malignant(embedding).float()
        by_label = {
            "benign": _log_probability(abnormal) + _log_probability(-malignant),
            "malignant": _log_probability(abnormal) + _log_probability(malignant),
            "normal": _log_probability(-abnormal),
        }
        return torch.cat([by_label[label] for label in LABELS], dim=1)

    @property
    def evidence(self) -> torch.Tensor:
        """float `3 x D`: how much each feature speaks for each class."""
        questions = torch.cat([self.abnormal.weight, self.malignant.weight])
        return questions.new_tensor([_SIGNS[label] for label in LABELS]) @ questions


def _log_probability(answer: torch.Tensor) -> torch.Tensor:
    """Logarithm of the sigmoid, in a form that stays finite in ONNX too, where PyTorch's becomes log(sigmoid)."""
    return -functional.softplus(-answer)
