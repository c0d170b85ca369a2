"""Do radiologists agree with our descriptors? Rules on measured numbers, and small models, against BrEaST's readers.

    python -m training.questions.descriptors --data DATA

The outlines and the embedding are those of networks that have seen no picture of that set, as they would be in use: the
served ones of `--models` where they were trained without it, or with `--run` those of `unet-lite0-without-breast`. The
models are fitted on four fifths of the patients and asked about the fifth. Writes
`training/results/descriptors.json`: Cohen's kappa and balanced accuracy of both, with intervals over patients.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from imaging.measures.measure import measure
from imaging.postprocess import mask_of
from imaging.preprocess import Grey
from imaging.statistics.intervals import Figure, with_interval
from training import datasets
from training.datasets.sample import FOLDS, Sample
from training.figures.served import Networks
from training.fitting import pipeline, segmentation
from training.preparation import recipe as recipes
from training.preparation import transfer
from training.questions.lesion_numbers import numbers

RECIPE = "unet-lite0-without-breast"
RESULTS = Path("training/results/descriptors.json")
COMPONENTS = 20  # of the embedding: more than a few hundred patients can't tell what is worth
STRENGTH = 0.05  # inverse of the logistic models' regularisation

# The radiologists' words in ours, which know no "combined" posterior features: in shadow in part is shadowing.
WORDS: dict[str, dict[str, str]] = {
    "shape": {"oval": "oval", "round": "round", "irregular": "irregular"},
    "margin": {"circumscribed": "circumscribed"},
    "posterior": {
        "no": "no posterior features",
        "enhancement": "enhancement",
        "shadowing": "shadowing",
        "combined": "shadowing",
    },
    "calcifications": {"no": "none"},
}
OTHERWISE = {"margin": "not circumscribed", "calcifications": "calcifications"}
RULE_OF = {"shape": "shape", "margin": "margin", "posterior": "posterior features"}  # ours have none for calcifications

Terms = NDArray[np.str_]


@dataclass(frozen=True)
class Described:
    """Outlined lesions: `numbers` float64 `N x M`, `embeddings` float32 `N x D`, the terms of our rules, the folds."""

    numbers: NDArray[np.float64]
    embeddings: NDArray[np.float32]
    rules: list[dict[str, str]]
    samples: list[Sample]

    @property
    def folds(self) -> NDArray[np.int64]:
        return np.asarray([sample.fold for sample in self.samples], dtype=np.int64)

    def said(self, descriptor: str) -> Terms:
        """What the radiologists said of each lesion, in our words."""
        words = WORDS[descriptor]
        return np.asarray(
            [words.get(sample.details[descriptor], OTHERWISE.get(descriptor, "")) for sample in self.samples]
        )

    def ruled(self, descriptor: str) -> Terms:
        """What our rules say; what they can't tell counts as nothing to be seen."""
        return np.asarray([terms.get(RULE_OF[descriptor], "no posterior features") for terms in self.rules])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.questions.descriptors", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--models", type=Path, default=Path("models"), help="exported networks that never saw BrEaST")
    parser.add_argument("--run", type=Path, help=f"a folder of runs that holds {RECIPE}, in place of the exported ones")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    lesions = [sample for sample in datasets.read(["breast"], arguments.data) if sample.masks]
    looking = of_run(arguments.run, arguments.data) if arguments.run else of_models(arguments.models)
    found = measured(described(looking, lesions)) | {
        "networks": looking.name,
        "lesions": len(lesions),
        "command": "python -m training.questions.descriptors" + (f" --run {arguments.run}" if arguments.run else ""),
    }
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


@dataclass(frozen=True)
class Looking:
    """Networks by name, and what they make of a picture: the outline, bool `H x W`, and the embedding, float32 `D`."""

    name: str
    look: Callable[[Grey], tuple[NDArray[np.bool_], NDArray[np.float32]]]


def of_models(folder: Path) -> Looking:
    """The exported networks of a folder."""
    networks = Networks(folder)

    def look(pixels: Grey) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        return networks.shown(pixels, networks.outlined(pixels)[0])[1], networks.embedding(pixels)

    return Looking(f"served {networks.version}", look)


def of_run(runs: Path, data: Path) -> Looking:
    """The U-Net of the recipe that leaves BrEaST out, trained in `runs`."""
    recipe = recipes.read(RECIPE)
    samples, folder = datasets.read(transfer.sources_of(recipe), data), runs / RECIPE / "fold0"
    trained = pipeline.train(recipe, transfer.parts_of(recipe, samples, 0), folder, folder)
    rule = recipe["mask"]

    def look(pixels: Grey) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        drawn = segmentation.read(trained.unet, [pixels], trained.segmentation_size)
        return mask_of(drawn.maps[0], rule["threshold"], rule["smallest_share"]), drawn.embeddings[0]

    return Looking(RECIPE, look)


def described(looking: Looking, lesions: list[Sample]) -> Described:
    """Outline and measure every lesion; those without an outline are left out."""
    kept, rules, rows, embeddings = [], [], [], []
    for sample in tqdm(lesions, desc=looking.name, mininterval=20):
        pixels = sample.pixels()
        mask, embedding = looking.look(pixels)
        lesion = measure(pixels, mask, None)
        if lesion is None:
            continue
        kept.append(sample)
        rules.append({one.name: one.term for one in lesion.descriptors})
        rows.append(list(numbers(pixels, mask).values()))
        embeddings.append(embedding)
    return Described(np.asarray(rows), np.asarray(embeddings), rules, kept)


def measured(lesions: Described) -> dict[str, Any]:
    """Agreement of rules and models with the radiologists, by descriptor."""
    found: dict[str, Any] = {"outlined": len(lesions.samples)}
    groups = np.asarray([sample.group for sample in lesions.samples])
    for descriptor in WORDS:
        said = lesions.said(descriptor)
        found[descriptor] = {"model": agreement(said, modelled(lesions, descriptor), groups)}
        if descriptor in RULE_OF:
            found[descriptor]["rule"] = agreement(said, lesions.ruled(descriptor), groups)
    return found


def modelled(lesions: Described, descriptor: str) -> Terms:
    """What a model says of each lesion that was fitted without its fold."""
    said, folds = lesions.said(descriptor), lesions.folds
    answers = np.empty_like(said)
    for fold in range(FOLDS):
        seen, asked = folds != fold, folds == fold
        if not asked.any():
            continue
        seeing = make_pipeline(StandardScaler(), PCA(min(COMPONENTS, int(seen.sum()) - 1), random_state=0))
        inside, outside = seeing.fit_transform(lesions.embeddings[seen]), seeing.transform(lesions.embeddings[asked])
        scale = inside.std(axis=0)[:1] + 1e-9  # the first component weighs as a number does, later ones less
        scaler = StandardScaler().fit(lesions.numbers[seen])
        model = LogisticRegression(C=STRENGTH, max_iter=2000, class_weight="balanced")
        model.fit(np.hstack([scaler.transform(lesions.numbers[seen]), inside / scale]), said[seen])
        answers[asked] = model.predict(np.hstack([scaler.transform(lesions.numbers[asked]), outside / scale]))
    return answers


def agreement(said: Terms, answered: Terms, groups: NDArray[np.str_]) -> dict[str, Figure]:
    """Cohen's kappa and balanced accuracy, each with its interval."""
    return {
        "kappa": with_interval(lambda rows: kappa(said[rows], answered[rows]), groups),
        "balanced_accuracy": with_interval(lambda rows: balanced(said[rows], answered[rows]), groups),
    }


def kappa(said: Terms, answered: Terms) -> float:
    """Agreement beyond what the frequencies of the terms alone give (Cohen 1960); NaN where only one term occurs."""
    terms = np.unique(np.concatenate([said, answered]))
    expected = sum(float((said == term).mean() * (answered == term).mean()) for term in terms)
    return (float((said == answered).mean()) - expected) / (1 - expected) if expected < 1 else float("nan")


def balanced(said: Terms, answered: Terms) -> float:
    """Mean over the radiologists' terms of the share that got the same term."""
    return float(np.mean([(answered[said == term] == term).mean() for term in np.unique(said)]))


if __name__ == "__main__":
    main()
