"""The layout network: several images in one, inverted greys, a photo of a screen. It is asked beside the other two.

`layout.json` stands beside `manifest.json` and is not touched by recalibrating: what it tells has nothing to do with
how often a cancer is met.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from app.inference.manifest import ModelUnusable, Network
from app.inference.sessions import NetworkSession
from imaging.layout import arrangement
from imaging.picture import Picture

DESCRIBED = "layout.json"


@dataclass(frozen=True)
class Layout:
    """The network in memory; `limits` holds for each kind, in the order of its outputs, the logit above which it is."""

    session: NetworkSession
    limits: dict[str, float]

    def objection(self, picture: Picture) -> str | None:
        """The kind that the picture most clearly is, a code of `imaging.gate.quality`; None for one plain image."""
        shown = arrangement.shown(picture.pixels, self.session.network.input_size)
        return arrangement.objection(self.session.run({"picture": shown})["logits"][0], self.limits)


def load(folder: Path) -> Layout | None:
    """The layout network of a folder, on the CPU with one thread; None where the networks come without one.

    Raises:
        ModelUnusable: it is damaged, or another network.
    """
    path = folder / DESCRIBED
    if not path.is_file():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        described, limits = raw["network"], {str(kind): float(limit) for kind, limit in raw["limits"].items()}
        network = Network(
            str(described["name"]), str(described["version"]), folder / Path(str(described["file"])).name,
            str(described["sha256"]), int(described["input_size"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelUnusable("model_bad", "The description of the layout network is damaged.") from error
    session = NetworkSession(network, "cpu", 1)
    inputs, outputs = session.shapes()
    side = network.input_size
    if inputs.get("picture", [])[1:] != [1, side, side] or outputs.get("logits", [])[1:] != [len(limits)]:
        raise ModelUnusable("model_bad", "The layout network has other inputs or outputs than needed.")
    return Layout(session, limits)
