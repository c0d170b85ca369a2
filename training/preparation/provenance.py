"""Where a result comes from: the commit, and digests that tell whether what was kept belongs to what is asked for."""

from __future__ import annotations

import hashlib
import json
import subprocess
from functools import cache
from pathlib import Path

from torch import nn

from training.datasets.sample import Sample

_PREDICTING = (
    "fitting/classification",
    "fitting/predict",
    "fitting/segmentation",
    "preparation/enhancement",
    "preparation/lesion_free",
    "preparation/mammography",
    "preparation/normals",
    "preparation/windows",
)


def commit() -> str:
    """The commit that the code stands at, or "unknown" outside a checkout."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def fingerprint(*facts: object) -> str:
    """sha256 over facts that JSON can hold; the order of keys does not count."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def names(samples: list[Sample]) -> list[str]:
    """Source and identifier of each sample, in their order."""
    return [f"{sample.source}/{sample.identifier}" for sample in samples]


def weights_sha256(*networks: nn.Module) -> str:
    """sha256 over all weights and statistics of the networks."""
    digest = hashlib.sha256()
    for network in networks:
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@cache
def code_sha256() -> str:
    """sha256 over the code that decides what a network is shown and what its answer becomes."""
    root = Path(__file__).parents[2]
    folders = (root / "imaging", root / "training" / "datasets", root / "training" / "networks")
    shown = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    shown += [root / "training" / f"{name}.py" for name in _PREDICTING]
    return hashlib.sha256(b"".join(path.read_bytes() for path in shown)).hexdigest()
