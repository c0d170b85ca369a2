"""Writes docs/reference/performance.md and its plots from the results: `python -m benchmarks.page`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import ENGINE, FLOOR, OURS, Row

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "reference" / "performance.md"
PICTURES = ROOT / "docs" / "images"
NAMES = {
    "sonotriage-api": "Sonotriage, JSON interface",
    "sonotriage-form": "Sonotriage, form and result page",
    "sonotriage-door": "Sonotriage behind nginx, JSON interface",
    "bentoml": "BentoML, the same ONNX files",
    "pytorch": "Flask + PyTorch, the same architectures at the same sizes",
    "keras": "Flask + Keras, U-Net of width 32 (256 px) and EfficientNetB3 (300 px)",
    FLOOR: "onnxruntime alone: both graphs, nothing around them",
    ENGINE: "Sonotriage's engine alone",
}
# Ratio: what it says, its goal, and whether more is better.
MEANINGS: dict[str, tuple[str, float, bool]] = {
    "overhead_1_client": ("one client, upload to stored answer (p50), over the bare networks' time (p50)", 1.4, False),
    "saturation_of_floor": ("best pictures a second, over the bare networks' best", 0.9, True),
    "p50_vs_keras": ("one client, p50, over that of Flask + Keras", 0.2, False),
    "throughput_vs_keras": ("best pictures a second, over those of Flask + Keras", 5.0, True),
    "p50_vs_bentoml_1": ("one client, p50, over that of {peer}", 1.0, False),
    "throughput_vs_bentoml_16": ("16 clients, pictures a second, over those of {peer}", 1.2, True),
}
BUSY_CORES = 0.3  # above it, other work on the machine is named
METHOD = """All servers run at once and take turns of some seconds, in rounds, so that a machine that is slow for a
while is slow for all of them. Ratios are formed within a round, the table has the median of the rounds and in brackets
the lowest and the highest. The load generator is one more process on the same cores; `client_cpu_s` in the results is
what it used. Pictures are synthetic ultrasound (`imaging/phantom.py`), grey in 8-bit RGB PNG of 570 x 500 px, as BUSI
was published, and grey PNG of other sizes; the first row of pixels differs in each, so that no server can answer from
its store. Closed loop: each client sends the next picture when it has the answer to the last; what is under way at the
end of a turn counts. Open loop: pictures come at random at a mean rate, and their time counts from the moment when they
were due.

Sonotriage runs as `make run` starts it, and once more behind nginx, as the image and `make serve` do, each with only
the limits of one sender lifted; ratios are of the first. Its time ends when the answer is stored and read back: at the
JSON interface with the answer itself, asked for as often as the server bids where the upload was answered with 202; at
the form when the result page is there, with the pauses that the waiting page makes. It keeps the picture, mask, heat
map and audit trail on disk; the peers keep nothing, draw nothing, and answer with three numbers and a share. Memory is
what each process of a server has for itself and what they share, once. The floor is both networks of `models/` one
after the other in one onnxruntime session each, with as many threads as cores, which stop spinning when a run ends
(otherwise it takes longer); for its best rate also as many such lines side by side as there are cores, with one thread
each."""


def main() -> None:
    """Draw and write."""
    from benchmarks import plots  # here: only this environment has matplotlib

    results = _read("latest.json")
    gpu = _read("gpu.json")
    if results is None and gpu is None:
        raise SystemExit("Nothing was measured yet: make bench")
    pictures = plots.draw(results, PICTURES) if results else []
    PAGE.write_text(page(results, gpu, pictures), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def page(results: dict[str, Any] | None, gpu: dict[str, Any] | None, pictures: Sequence[str] = ()) -> str:
    """The whole page, from the results of a CPU run, of a GPU run, or of both."""
    lines = ["# Performance", "", "Written by `make bench` from `benchmarks/results/`; do not edit by hand.", ""]
    if results:
        for part in (_about, _ratios, _goals):
            lines += [*part(results), ""]
        lines += [line for name in pictures for line in (f"![{_alternative(name)}](../images/{name})", "")]
        for part in (_closed, _batches, _stages, _open, _growth, _starts, _overload):
            lines += [*part(results), ""]
    if gpu:
        lines += ["## On a GPU", "", *_about(gpu), "", *_batches(gpu)[2:], "", *_closed(gpu)[2:], ""]
    lines += ["## How it was measured", "", METHOD, "", *_served(results or gpu or {}), ""]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def _about(results: dict[str, Any]) -> list[str]:
    machine, told = results["machine"], results["plan"]
    device = f", {machine['gpu']}" if machine.get("gpu") else ""
    commit, _, changes = results["commit"].partition("+")
    about = (
        f"{machine['processor']}, {machine['cores']} cores ({', '.join(machine['instructions'])}), "
        f"{machine['memory_gb']} GB{device}; {results['measured_at'][:10]}; "
        f"commit `{commit[:10]}`{' with changes' if changes else ''}; {told['rounds']} rounds, "
        f"{told['duration_s']:g} s per figure, {results['minutes']:g} minutes in all."
    )
    lines = [about]
    if told["is_quick"]:
        lines += ["", "This was a short run (`--quick`): its figures are rough."]
    if (machine["busy_before"] or 0) > BUSY_CORES:
        busy = f"Other work ran on this machine ({machine['busy_before']:g} cores before the run): "
        lines += ["", busy + "times are too long and rates too low; ratios are fair but spread."]
    lines += [f"\n`{name}` did not start and is left out." for name in results["left_out"]]
    return lines


def _ratios(results: dict[str, Any]) -> list[str]:
    rows = []
    for name, (meaning, goal, is_more_better) in MEANINGS.items():
        ratio, spread = results["ratios"][name], results["ratio_spreads"].get(name)
        is_met = ratio is not None and (ratio >= goal if is_more_better else ratio <= goal)
        span = f" ({spread[0]:.2f} to {spread[1]:.2f})" if spread else ""
        rows.append((
            f"`{name}`", meaning.format(peer=results["peer"]), _number(ratio, 2) + span,
            f"at {'least' if is_more_better else 'most'} {goal:g}",
            "not measured" if ratio is None else "reached" if is_met else "missed",
        ))  # fmt: skip
    return ["## Beside the others", "", *_table(("ratio", "what over what", "value", "goal", ""), rows)]


def _goals(results: dict[str, Any]) -> list[str]:
    """Figures that have a goal of their own."""
    small = _find(results, OURS, "closed", clients=1)
    large = _find(results, OURS, "growth", picture="1 MP")
    huge = _find(results, OURS, "growth", picture="25 MP")
    start = next((each for each in results["systems"] if each["name"] == "sonotriage"), None)
    told = [
        ("one client, picture of BUSI size, p50", small and small["p50_ms"], 120.0, "ms"),
        ("one client, 1 megapixel, p50", large and large["p50_ms"], 160.0, "ms"),
        ("25 megapixels, extra memory at the peak", huge and huge["extra_peak_mb"], 400.0, "MB"),
        ("cold start to ready", start and start["ready_s"], 5.0, "s"),
    ]
    rows = [
        (name, f"{_number(value, 2 if unit == 's' else 0)} {unit}", f"at most {goal:g} {unit}",
         "reached" if value <= goal else "missed")
        for name, value, goal, unit in told if value is not None
    ]  # fmt: skip
    return _table(("figure", "value", "goal", ""), rows) if rows else []


def _closed(results: dict[str, Any]) -> list[str]:
    rows = [each for each in results["rows"] if each["load"] == "closed"]
    order = list(NAMES)
    rows.sort(key=lambda each: (order.index(each["system"]), each["clients"]))
    cells = [(NAMES[each["system"]], str(each["clients"]), *_times(each), _memory(each)) for each in rows]
    growth = [
        f"From {first['clients']} to {last['clients']} clients, {NAMES[first['system']]}: p50 times "
        f"{last['p50_ms'] / first['p50_ms']:.1f}, pictures a second times "
        f"{last['pictures_per_second'] / first['pictures_per_second']:.1f}, memory from {_memory(first)} to "
        f"{_memory(last)} MB."
        for first, last in _ends(rows)
    ]
    head = ("system", "clients", *TIMES, "memory, MB")
    return ["## Closed loop, pictures of BUSI size", "", *_table(head, cells), "", *_bullets(growth)]


def _ends(rows: Iterable[Row]) -> Iterator[tuple[Row, Row]]:
    """Each system's rows with the fewest and the most clients, where both were answered."""
    for system in NAMES:
        own = [each for each in rows if each["system"] == system and each["requests"]]
        if len(own) > 1:
            yield own[0], own[-1]


def _batches(results: dict[str, Any]) -> list[str]:
    cells = [
        (
            NAMES[each["system"]]
            + (f", {each['side_by_side']} lines of one thread side by side" if each.get("side_by_side") else ""),
            str(each["batch"]), *_times(each)[:-1],
            ", ".join(f"{stage} {spent:g}" for stage, spent in each["stages_ms"].items()),
        )
        for each in results["rows"] if each["load"] == "batches"
    ]  # fmt: skip
    return ["## Without a server", "", *_table(("what", "batch", *TIMES[:-1], "stages, ms"), cells)]


def _stages(results: dict[str, Any]) -> list[str]:
    found = _find(results, OURS, "closed", clients=1)
    if not found or not found["stages_ms"]:
        return []
    rest = found["p50_ms"] - sum(found["stages_ms"].values())
    stages = [*found["stages_ms"].items(), ("everything else", rest)]
    rows = [(stage, f"{spent:.1f}", f"{100 * spent / found['p50_ms']:.0f} %") for stage, spent in stages]
    return [
        "## Where the time goes",
        "",
        "One client at the JSON interface; medians that the server itself took, and what is left of the whole p50.",
        "",
        *_table(("stage", "ms", "share"), rows),
    ]


def _open(results: dict[str, Any]) -> list[str]:
    cells = [
        (NAMES[each["system"]], f"{each['share']:.0%}", f"{each['rate']:.2f}", *_times(each))
        for each in results["rows"] if each["load"] == "open"
    ]  # fmt: skip
    head = ("system", "of its capacity", "sent a second", *TIMES)
    return ["## Open loop, pictures of BUSI size", "", *_table(head, cells)] if cells else []


def _growth(results: dict[str, Any]) -> list[str]:
    cells = [
        (f"{each['megapixels']:g}", *_times(each)[:4], f"{each['extra_peak_mb']:.0f}", _codes(each))
        for each in results["rows"] if each["load"] == "growth"
    ]  # fmt: skip
    head = ("megapixels", *TIMES[:4], "extra memory at the peak, MB", "errors")
    return ["## From small to huge pictures", "", "One client at the JSON interface.", "", *_table(head, cells)]


def _starts(results: dict[str, Any]) -> list[str]:
    cells = [
        (each["title"], f"{each['ready_s']:.1f}", f"{each['first_answer_s']:.1f}", f"{each['peak_mb']:.0f}")
        for each in results["systems"]
    ]
    head = ("system", "cold start to ready, s", "to the first answered picture, s", "most memory, MB")
    note = "Memory includes the load of all rows above; for Sonotriage also the huge pictures."
    return ["## Start and memory", "", *_table(head, cells), "", note]


def _overload(results: dict[str, Any]) -> list[str]:
    found = results.get("overload")
    if not found:
        return []
    rows = [
        ("pictures sent", f"{found['sent']}"),
        ("acknowledged", f"{found['acknowledged']}"),
        ("acknowledged and lost", f"{found['lost']}"),
        ("refused or broken, by code", _codes(found)),
        ("5xx other than 503 with Retry-After", f"{found['bad_5xx']}"),
        ("memory, last fifth of the time over the second", f"{found['memory_growth_mb']:+.0f} MB"),
        ("acknowledgement, p50 / p99", f"{found['p50_ms']:.0f} / {found['p99_ms']:.0f} ms"),
    ]
    sent = found["sent"] / (60 * found["minutes"])
    about = (
        f"{found['clients']} clients, each with one picture at a time, were to send {found['rate']:.1f} a second for "
        f"{found['minutes']:g} minutes; they sent {sent:.1f} a second."
    )
    if "commit" in found:  # of a run of its own
        about += f" Measured apart, at commit `{found['commit'][:10]}`."
    return ["## Overload", "", about, "", *_table(("", ""), rows)]


def _served(results: dict[str, Any]) -> list[str]:
    versions = results.get("versions", {})
    rows = [
        (each["title"], each["served"], ", ".join(f"{key} {value}" for key, value in versions[each["name"]].items()))
        for each in results.get("systems", [])
    ]
    return _table(("system", "how it is served", "versions"), rows)


TIMES = ("p50, ms", "p95, ms", "p99, ms", "pictures a second", "errors")


def _times(row: Row) -> tuple[str, str, str, str, str]:
    return (
        _number(row["p50_ms"], 1), _number(row["p95_ms"], 1), _number(row["p99_ms"], 1),
        f"{row['pictures_per_second']:.2f}", _codes(row),
    )  # fmt: skip


def _memory(row: Row) -> str:
    """The most that the server held, in MB."""
    return _number(row.get("peak_mb"), 0)


def _codes(row: Row) -> str:
    return ", ".join(f"{code}: {count}" for code, count in sorted(row["errors"].items())) or "none"


def _find(results: dict[str, Any], system: str, load: str, **facts: Any) -> Row | None:
    is_it: Callable[[Row], bool] = lambda each: (  # noqa: E731
        each["system"] == system and each["load"] == load and all(each[key] == value for key, value in facts.items())
    )
    return next((each for each in results["rows"] if is_it(each) and each["requests"]), None)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _bullets(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(str(cell) for cell in line)} |" for line in lines]


def _alternative(name: str) -> str:
    """What a picture shows, for those who can't see it."""
    return {
        "performance-clients.svg": "Pictures a second and median time over the number of clients, for each system",
        "performance-sizes.svg": "Median time over the size of the picture",
    }[name]


if __name__ == "__main__":
    main()
