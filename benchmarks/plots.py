"""Draws the plots of the page. The only module that needs matplotlib, which lives in .venv-bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker

# Wong 2011, Nature Methods 8:441: told apart by people with any colour vision; markers differ as well.
STYLES = {
    "sonotriage-api": ("Sonotriage, JSON", "#0072B2", "o"),
    "sonotriage-form": ("Sonotriage, form", "#56B4E9", "s"),
    "sonotriage-door": ("Sonotriage behind nginx", "#CC79A7", "P"),
    "bentoml": ("BentoML", "#009E73", "^"),
    "pytorch": ("Flask + PyTorch", "#E69F00", "D"),
    "keras": ("Flask + Keras", "#D55E00", "v"),
}


def draw(results: dict[str, Any], folder: Path) -> list[str]:
    """Write the plots into `folder` and return their names."""
    matplotlib.rcParams.update({"svg.hashsalt": "sonotriage", "font.size": 10, "axes.grid": True, "grid.alpha": 0.3})
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"performance-clients.svg": _clients(results), "performance-sizes.svg": _sizes(results)}
    for name, figure in figures.items():
        figure.savefig(folder / name, metadata={"Date": None}, facecolor="white")
        pyplot.close(figure)
    return list(figures)


def _clients(results: dict[str, Any]) -> Any:
    figure, (rates, times) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for system, (title, colour, marker) in STYLES.items():
        rows = [each for each in results["rows"] if each["system"] == system and each["load"] == "closed"]
        rows = sorted((each for each in rows if each["requests"]), key=lambda each: each["clients"])
        clients, style = [each["clients"] for each in rows], {"color": colour, "marker": marker, "label": title}
        if rows:
            rates.plot(clients, [each["pictures_per_second"] for each in rows], **style)
            times.plot(clients, [each["p50_ms"] for each in rows], **style)
    floor = [each["pictures_per_second"] for each in results["rows"] if each["system"] == "floor"]
    rates.axhline(max(floor), color="black", linestyle="--", linewidth=1, label="onnxruntime alone")
    counts = results["plan"]["clients"]
    for axes, title in ((rates, "pictures a second"), (times, "median time, ms (logarithmic)")):
        axes.set(title=title, xlabel="clients", xscale="log", xticks=counts, xticklabels=[str(each) for each in counts])
        axes.minorticks_off()
    rates.set_ylim(bottom=0)
    times.set_yscale("log")
    times.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    times.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    times.yaxis.set_minor_formatter(ticker.NullFormatter())
    figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=9)
    return figure


def _sizes(results: dict[str, Any]) -> Any:
    rows = [each for each in results["rows"] if each["load"] == "growth" and each["requests"]]
    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    sizes = [each["megapixels"] for each in rows]
    axes.plot(sizes, [each["p50_ms"] for each in rows], color="#0072B2", marker="o")
    axes.set(title="median time, ms, by size of the picture", xlabel="megapixels", xscale="log", xticks=sizes)
    axes.set_xticklabels([f"{each:g}" for each in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    return figure
