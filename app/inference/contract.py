"""What serving expects of the exported networks: names, types and sizes of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.inference.manifest import ModelUnusable
from app.inference.sessions import NetworkSession

CLASSES = 3
Shape = Sequence[int | None]  # None: any size


def check(segmentation: NetworkSession, classification: NetworkSession) -> None:
    """Compare both networks with what serving feeds them and reads from them.

    Raises:
        ModelUnusable: a name is missing or a size is another. The file may be whole: it is the wrong network.
    """
    side = segmentation.network.input_size
    outputs = {"probability": (None, 1, side, side), "class_logits": (None, CLASSES)}
    _check(segmentation, {"picture": (None, 1, side, side)}, outputs | {"activation": (None, CLASSES, None, None)})
    side = classification.network.input_size
    outputs = {"logits": (None, CLASSES), "activation": (None, CLASSES, None, None)}
    _check(classification, {"segmented": (None, 3, side, side)}, outputs | {"novelty": (None,)})


def _check(session: NetworkSession, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> None:
    given_inputs, given_outputs = session.shapes()
    is_right = set(given_inputs) == set(inputs) and all(
        name in given and _fits(given[name], shape)
        for given, wanted in ((given_inputs, inputs), (given_outputs, outputs))
        for name, shape in wanted.items()
    )
    if not is_right:
        raise ModelUnusable("model_bad", f"The network {session.network.name} has other inputs or outputs than needed.")


def _fits(given: Sequence[object], wanted: Shape) -> bool:
    """Sizes that the network leaves open ("batch") fit anything."""
    return len(given) == len(wanted) and all(
        size is None or not isinstance(found, int) or found == size for found, size in zip(given, wanted, strict=True)
    )
