"""What happens to pictures that the networks were not made for, and what declining costs.

    python -m training.questions.drift --data DATA

Reads strangers (photos, textures, noise, phantoms, mammograms) and the real pictures of the reported fold through gate
and exported networks, and counts: who passes the gate, who passes the limit of the out-of-distribution score, what the
rest are told; how many real pictures are refused, and how many cancers among them. Writes `training/results/drift.json`
and the page.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from imaging.preprocess import Grey
from training import datasets
from training.datasets.sample import LABELS, Sample
from training.figures import answers, judged
from training.figures.judged import Judged
from training.figures.served import PASSED, Networks, Reading
from training.fitting.calibrate import MALIGNANT
from training.preparation.provenance import commit
from training.preparation.splits import split
from training.questions import drift_page, strangers

REFUSED_SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
ULTRASOUND = ("busi", "busbra")


def main() -> None:
    arguments = _parser().parse_args()
    networks, scores = Networks(arguments.models), arguments.results.with_name("out_of_distribution.json")
    test = split(datasets.read(list(ULTRASOUND), arguments.data), arguments.fold).test[:: arguments.every]
    readings = [networks.read(sample.pixels()) for sample in tqdm(test, desc="real pictures", mininterval=20)]
    found = {
        "commit": commit(),
        "version": networks.version,
        "fold": arguments.fold,
        "strangers": dict(_strangers(networks, arguments.data, arguments.count)),
        "real": {source: real(test, readings, source) for source in ULTRASOUND},
        **(of_run(arguments.run) or _kept(arguments.results)),
        "novelty_scores": json.loads(scores.read_text(encoding="utf-8")) if scores.is_file() else {},
        "half_precision": changed(readings, _halves(arguments.models, test)),
    }
    arguments.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    arguments.page.write_text(drift_page.kept(arguments.results.parent), encoding="utf-8")
    print(f"written: {arguments.results}, {arguments.page}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.questions.drift", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SONOTRIAGE_DATA", "../shared/data")))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--fold", type=int, default=0, help="the fold that the exported networks have never seen")
    parser.add_argument("--run", type=Path, default=Path("runs/unet-efficientnetb3/fold0"), help="an evaluated run")
    parser.add_argument("--count", type=int, default=100, help="strangers of each kind")
    parser.add_argument("--every", type=int, default=1, help="take every n-th real picture, to be quicker")
    parser.add_argument("--results", type=Path, default=Path("training/results/drift.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/explanation/when-it-declines.md"))
    return parser


def _strangers(networks: Networks, data: Path, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in strangers.DRAWN:
        yield name, summary(networks, strangers.draw(name, count))
    if (data / "mias" / "index.csv").is_file():
        mammograms = datasets.read(["mias"], data)
        yield "mammograms (mini-MIAS)", summary(networks, (sample.pixels() for sample in mammograms))


def summary(networks: Networks, pictures: Iterable[Grey]) -> dict[str, Any]:
    """Counts over one group of strangers; `told` counts the answers of those that nothing refused."""
    readings = [networks.read(pixels) for pixels in tqdm(pictures, desc="strangers", mininterval=20)]
    passed = [reading for reading in readings if reading.gate == PASSED]
    through = [reading for reading in passed if not reading.is_out_of_distribution]
    return {
        "pictures": len(readings),
        "passed_gate": len(passed),
        "below_novelty_limit": sum(not reading.is_out_of_distribution for reading in readings),
        "passed_both": len(through),
        "objections": dict(Counter(reading.gate for reading in readings if reading.gate != PASSED)),
        "told": dict(Counter(told(through))),
    }


def told(readings: list[Reading]) -> list[str]:
    """The answer to each reading that passed the gate."""
    if not readings:
        return []
    table = {
        name: np.asarray([getattr(reading, name) for reading in readings], dtype=np.bool_)
        for name in ("is_flagged", "is_out_of_distribution", "plausible", "has_outline")
    }
    return [str(answer) for answer in answers.decided(**table)]


def real(samples: list[Sample], readings: list[Reading], source: str) -> dict[str, Any]:
    """Real pictures of one data set that are refused, by class and by what refuses them."""
    own = [pair for pair in zip(samples, readings, strict=True) if pair[0].source == source]
    found = {}
    for label in LABELS:
        part = [reading for sample, reading in own if sample.label == label]
        if part:
            found[label] = {
                "pictures": len(part),
                "refused_by_gate": sum(reading.gate != PASSED for reading in part),
                "objections": dict(Counter(reading.gate for reading in part if reading.gate != PASSED)),
                "refused_as_novel": sum(reading.gate == PASSED and reading.is_out_of_distribution for reading in part),
            }
    return found


def changed(full: list[Reading], half: list[Reading]) -> dict[str, Any]:
    """How often the half-precision networks lead to another decision on the same real pictures."""
    pairs = list(zip(full, half, strict=True)) if half else []
    return {
        "pictures": len(pairs),
        "other_class": sum(int(np.argmax(a.scores)) != int(np.argmax(b.scores)) for a, b in pairs),
        "other_answer": sum(a != b for a, b in zip(told(full), told(half), strict=True)) if half else 0,
        "other_novelty": sum(a.is_out_of_distribution != b.is_out_of_distribution for a, b in pairs),
        "largest_difference_of_a_probability": max((_apart(a, b) for a, b in pairs), default=0.0),
    }


def _apart(full: Reading, half: Reading) -> float:
    return float(np.abs(np.subtract(full.scores, half.scores)).max())


def _halves(models: Path, samples: list[Sample]) -> list[Reading]:
    if "half_precision" not in json.loads((models / "manifest.json").read_text(encoding="utf-8")):
        return []
    networks = Networks(models, is_half=True)
    return [networks.read(sample.pixels()) for sample in tqdm(samples, desc="half precision", mininterval=20)]


def _kept(results: Path) -> dict[str, Any]:
    """What was written on abstaining before: it belongs to the run, and not to the gate."""
    before = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {"abstaining": {}}
    return {name: before[name] for name in ("abstaining", "novel_cancers", "novel_cancers_flagged") if name in before}


def of_run(run: Path) -> dict[str, Any] | None:
    """What the kept decisions of an evaluated run say on abstaining; None where there is no such run."""
    path = run / "judged.npz"
    if not path.is_file():
        return None
    rows = judged.read(path)
    is_unfamiliar_cancer = rows.is_out_of_distribution & (rows.labels == MALIGNANT) & np.isin(rows.sources, ULTRASOUND)
    return {
        "abstaining": {source: refusal_curve(rows.where(rows.sources == source)) for source in ULTRASOUND},
        "novel_cancers": int(is_unfamiliar_cancer.sum()),
        "novel_cancers_flagged": int((is_unfamiliar_cancer & rows.is_flagged).sum()),
    }


def refusal_curve(rows: Judged) -> list[dict[str, float]]:
    """What is gained and lost when the least certain pictures get no answer at all, at growing shares."""
    certainty = rows.scores.max(axis=1)
    is_malignant, is_right = rows.labels == MALIGNANT, rows.scores.argmax(axis=1) == rows.labels
    curve = []
    for share in REFUSED_SHARES:
        is_answered = np.ones(len(rows), dtype=np.bool_)
        is_answered[np.argsort(certainty, kind="stable")[: round(share * len(rows))]] = False
        missed = is_malignant & is_answered & ~rows.is_flagged
        curve.append({
            "refused": share,
            "accuracy_of_the_rest": float(is_right[is_answered].mean()),
            "malignant": int(is_malignant.sum()),
            "malignant_refused": int((is_malignant & ~is_answered).sum()),
            "malignant_below_threshold": int(missed.sum()),
        })  # fmt: skip
    return curve


if __name__ == "__main__":
    main()
