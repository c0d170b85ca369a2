"""The page on declining, written from `training/results/drift.json`, `transformations.json` and `layout.json`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from training.questions.out_of_distribution import REAL

HEAD = """# When the program declines, and what that costs

Research software, not a medical device: these are figures of pictures, not of a person.

Written by `python -m training.questions.drift` from `training/results/drift.json`; the networks are those in `models/`.

Three things can keep the program from judging a picture. The **gate** looks at the picture beside the networks and
declines what is no single grey breast ultrasound picture; what the networks found in it is then thrown away. The
**out-of-distribution score** compares the classifier's embedding with those of the training pictures; its limit lets
99 % of the tuning fold pass, lesion-free squares of its pictures among them. The **conformal set** holds every class
that can't be excluded; when that is more than one, the answer is "can't tell", unless one of them is malignant, for
then a doctor should look anyway.

## Pictures that are no breast ultrasound

How many pass. *Below the limit* of that score is counted over all pictures of a group, as if there were no gate;
*passed both* is what a person would get an answer to, and the last column says which.

| group | pictures | passed the gate | below the limit | passed both | told |
| --- | --- | --- | --- | --- | --- |
"""
_REFUSING = """What would happen if the least certain pictures got no answer, whatever their conformal set. A cancer
that is refused is not found by the program; whether it is found at all is then up to the person who reads the picture.
"""
WORDS = {"prompt": "see a doctor soon", "unsure": "can't tell", "routine": "usually not cancer", "clear": "no lesion"}


def kept(folder: Path) -> str:
    """The page of the results that a folder keeps."""
    found, changed, layout = (
        json.loads(path.read_text(encoding="utf-8")) if (path := folder / f"{name}.json").is_file() else None
        for name in ("drift", "transformations", "layout")
    )
    parts = [page(found)] if found else []
    return "\n".join(
        [*parts, *([_transformations(changed)] if changed else []), *([_layout(layout)] if layout else [])]
    )


def _transformations(found: dict[str, Any]) -> str:
    sources = [source for source in ("busi", "busbra") if source in found]
    heads = [f"{source}: reassured | {source}: declined" for source in sources]
    lines = [
        "## What people do to an image before they send it\n",
        _wrapped(
            f"Written by `{found['command']}`: cancers of fold {found['fold']}, which no network was trained on, as "
            "they are and after each change, and how many of them end in words that reassure (*usually not cancer*, "
            "*no lesion*). A declined image gets no such words."
        ),
        "",
        f"| change | {' | '.join(heads)} | why declined |",
        "| --- |" + " --- |" * (2 * len(sources) + 1),
    ]
    for name in found[sources[0]]:
        cells, codes = [], set()
        for source in sources:
            row = found[source][name]
            cells += [f"{row['reassured']} of {row['cancers']}", str(row["declined"])]
            codes |= set(row["codes"])
        lines.append(f"| {name} | {' | '.join(cells)} | {', '.join(sorted(codes)) or '-'} |")
    return "\n".join(lines) + "\n"


def _layout(found: dict[str, Any]) -> str:
    kinds = list(found["limits"])
    lines = [
        "## What the layout network takes for what\n",
        _wrapped(
            f"A small network beside the two others tells several images in one, inverted greys and photos of screens. "
            f"Written by `{found['command']}`: each row is of a hospital that the network had not seen, plain "
            "images and changed ones, with the share that is taken for each kind. Rules of the gate, which catch most "
            "gutters and seams, are not counted here."
        ),
        "",
        f"| unseen hospital | change | images | {' | '.join(kinds)} |",
        "| --- | --- | --- |" + " --- |" * len(kinds),
    ]
    for hospital, rows in found["unseen"].items():
        for name, row in rows.items():
            lines.append(
                f"| {hospital} | {name} | {row['images']} | {' | '.join(f'{row[kind]:.1%}' for kind in kinds)} |"
            )
    return "\n".join(lines) + "\n"


def page(found: dict[str, Any]) -> str:
    """The part on strangers, refused images and abstaining."""
    strangers = [_stranger(name, group) for name, group in found["strangers"].items()]
    parts = [HEAD + "\n".join(strangers), _verdict(found["strangers"]), _real(found), _abstaining(found)]
    if found.get("novelty_scores"):
        parts.append(_scores(found["novelty_scores"]))
    if found["half_precision"]["pictures"]:
        parts.append(_halves(found["half_precision"]))
    return "\n\n".join(parts) + "\n"


def _stranger(name: str, group: dict[str, Any]) -> str:
    told = ", ".join(f"{count} {WORDS[answer]}" for answer, count in sorted(group["told"].items())) or "-"
    counts = [str(group[key]) for key in ("pictures", "passed_gate", "below_novelty_limit", "passed_both")]
    return f"| {' | '.join([name, *counts, told])} |"


def _verdict(groups: dict[str, Any]) -> str:
    others = {name: group for name, group in groups.items() if name != "synthetic ultrasound"}
    whole = sum(group["pictures"] for group in others.values())
    gate, below, both = (
        sum(group[key] for group in others.values()) for key in ("passed_gate", "below_novelty_limit", "passed_both")
    )
    return _wrapped(
        f"Without the synthetic ultrasound, which looks like ultrasound and is meant to pass, {gate} of {whole} pass "
        f"the gate, {below} would pass the limit, and {both} pass both. Alone, the gate declines "
        f"{whole - gate} of them, the out-of-distribution score {whole - below}."
    )


def _real(found: dict[str, Any]) -> str:
    lines = [
        "## Real pictures that are refused\n",
        f"Fold {found['fold']}, never trained or tuned on.\n",
        "| data set | class | pictures | refused by the gate | why | refused as out of distribution |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for source, classes in found["real"].items():
        for label, part in classes.items():
            why = ", ".join(f"{count} {code}" for code, count in part["objections"].items()) or "-"
            lines.append(
                f"| {source} | {label} | {part['pictures']} | {part['refused_by_gate']} | {why} | "
                f"{part['refused_as_novel']} |"
            )
    cancers = [classes["malignant"] for classes in found["real"].values() if "malignant" in classes]
    gate, unfamiliar, whole = (
        sum(part[key] for part in cancers) for key in ("refused_by_gate", "refused_as_novel", "pictures")
    )
    lines.append("")
    lines.append(
        _wrapped(
            f"Of {whole} cancers {gate} are refused by the gate and {unfamiliar} as out of distribution. Who is "
            "refused is told that the picture can't be used or that a person has to read it, never that nothing was "
            "found. A picture above the out-of-distribution limit that also reaches the malignant threshold leads to a "
            "doctor all the same: "
            f"{found.get('novel_cancers_flagged', 0)} of {found.get('novel_cancers', 0)} such cancers."
        )
    )
    return "\n".join(lines)


def _abstaining(found: dict[str, Any]) -> str:
    if not found["abstaining"]:
        return ""
    lines = [
        "## Abstaining more often\n",
        _REFUSING,
        "| data set | refused | accuracy of the rest | cancers refused | cancers answered below the threshold |",
        "| --- | --- | --- | --- | --- |",
    ]
    for source, curve in found["abstaining"].items():
        lines += [
            f"| {source} | {point['refused']:.0%} | {point['accuracy_of_the_rest']:.3f} | "
            f"{point['malignant_refused']} of {point['malignant']} | {point['malignant_below_threshold']} |"
            for point in curve
        ]
    lines.append(
        '\nHow often the product answers "can\'t tell" as it is, and what that costs, stands with each row of the '
        "leaderboard (`make leaderboard FLAGS=--all`)."
    )
    return "\n".join(lines)


def _scores(found: dict[str, Any]) -> str:
    refused: dict[str, dict[str, float]] = found["refused"]
    groups = list(found["pictures"])
    strangers = [group for group in groups if group not in REAL]
    most, score, group = max((shares[group], name, group) for name, shares in refused.items() for group in strangers)
    lines = [
        "## Other scores on the same embedding\n",
        _wrapped(
            "`python -m training.questions.out_of_distribution` fits other scores to the same training pictures, each "
            "with a limit that lets 99 % of the tuning fold and its lesion-free squares pass. Share of each group "
            "that is refused, with the number of its pictures:"
        )
        + "\n",
        f"| score | {' | '.join(f'{group} ({count})' for group, count in found['pictures'].items())} |",
        "| --- |" + " --- |" * len(groups),
    ]
    lines += [
        f"| {name} | {' | '.join(f'{shares[group]:.0%}' for group in groups)} |" for name, shares in refused.items()
    ]
    lines.append(
        "\n"
        + _wrapped(
            f"The most that any of them refuses of a group of strangers is {most:.0%}: {score}, {group}. All of them "
            "see the same embedding, of a network that was trained to tell three classes apart."
        )
    )
    return "\n".join(lines)


def _halves(half: dict[str, Any]) -> str:
    return "## Half precision\n\n" + _wrapped(
        f"The half-precision networks, asked about the same {half['pictures']} real pictures: another class "
        f"{half['other_class']} times, another answer {half['other_answer']} times, the other side of the "
        f"out-of-distribution limit {half['other_novelty']} times; the largest difference of a probability is "
        f"{half['largest_difference_of_a_probability']:.4f}. Measured on a CPU, which computes halves as floats after "
        "rounding the weights; the export refuses networks with a number inside that comes near the largest half."
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120)
