"""Normal tissue of hospitals that publish no normals: the part of a lesion picture that lies beside the lesion.

Those of the reported fold measure whether normal tissue of that hospital's scanners is held for normal. Training draws
parts without a lesion from training pictures as further normals (`windows`). A crop is no screening picture: it is what
can be measured.
"""

from __future__ import annotations

from dataclasses import replace

from training.datasets.sample import Sample
from training.preparation.windows import lesion_free_square

SUFFIX = "_lesion_free"


def lesion_free_samples(samples: list[Sample]) -> list[Sample]:
    """The lesion-free squares of the samples that have one, as samples of their own, named after their source."""
    return [
        replace(
            square,
            identifier=f"{sample.identifier}{SUFFIX}",
            source=f"{sample.source}{SUFFIX}",
            details={"device": sample.details["device"]} if "device" in sample.details else {},
        )
        for sample in samples
        if (square := lesion_free_square(sample)) is not None
    ]
