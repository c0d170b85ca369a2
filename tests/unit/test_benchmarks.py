"""What the benchmark makes of its measurements: pictures, percentiles, rows, ratios, the page. No server runs here."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import clients, engines, figures, generators, machine, memory, overload, page, plan, systems
from benchmarks.pictures import Specimen, of_megapixels
from benchmarks.questions import processor_time
from imaging.phantom import speckle
from imaging.picture import Picture
from tests.factories.networks import write_tiny_networks

ROOT = Path(__file__).parents[2]
GOALS = {
    "overhead_1_client", "saturation_of_floor", "p50_vs_keras", "throughput_vs_keras", "p50_vs_bentoml_1",
    "throughput_vs_bentoml_16",
}  # fmt: skip


def part(milliseconds: list[float], seconds: float = 1.0, pictures: int | None = None, **more: Any) -> dict[str, Any]:
    count = len(milliseconds) if pictures is None else pictures
    return {"milliseconds": milliseconds, "seconds": seconds, "pictures": count, **more}


def closed(system: str, clients: int, *slices: dict[str, Any]) -> figures.Row:
    return figures.row(system, "closed", slices, clients=clients, picture="busi")


def batch(system: str, size: int, *slices: dict[str, Any]) -> figures.Row:
    return figures.row(system, "batches", slices, batch=size, picture="busi")


@pytest.fixture
def rows() -> list[figures.Row]:
    """Two rounds; in the second, the machine was twice as slow."""
    return [
        batch("floor", 1, part([50.0], 0.05), part([100.0], 0.1)),
        batch("floor", 4, part([160.0], 0.16, 4), part([320.0], 0.32, 4)),
        closed("sonotriage-api", 1, part([60.0], 0.06), part([140.0], 0.14)),
        closed("sonotriage-api", 16, part([700.0] * 23), part([1400.0] * 12)),
        closed("keras", 1, part([600.0], 0.6), part([1000.0], 1.0)),
        closed("keras", 16, part([5000.0] * 2), part([9000.0])),
        closed("keras", 64, part([9000.0] * 4)),
        closed("bentoml", 1, part([120.0], 0.12), part([200.0], 0.2)),
        closed("bentoml", 16, part([1600.0] * 10), part([3200.0] * 6)),
    ]


class TestPictures:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_every_copy_is_a_valid_png_that_differs_in_its_first_row_only(self, channels: int) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, (20, 30, channels), dtype=np.uint8).squeeze()
        specimen = Specimen(pixels)
        first, second = (np.asarray(Image.open(io.BytesIO(specimen.fresh()))) for _ in range(2))
        assert first.shape == pixels.shape
        assert (first[1:] == pixels[1:]).all()
        assert (second[1:] == pixels[1:]).all()
        assert (first[0] != second[0]).any()

    @pytest.mark.parametrize("megapixels", [0.2, 1.3])
    def test_a_picture_has_the_size_that_was_asked_for(self, megapixels: float) -> None:
        pixels = of_megapixels(megapixels)
        assert pixels.size == pytest.approx(megapixels * 1e6, rel=0.01)
        assert pixels.shape[1] / pixels.shape[0] == pytest.approx(4 / 3, rel=0.01)


class TestPercentiles:
    def test_the_median_of_few_is_one_of_them(self) -> None:
        assert figures.percentile([3.0, 1.0, 2.0], 0.5) == 2.0

    def test_the_99th_percentile_of_a_hundred_leaves_one_above(self) -> None:
        assert figures.percentile([float(number) for number in range(1, 101)], 0.99) == 99.0

    def test_nothing_has_no_percentile(self) -> None:
        assert figures.summary([]) == {"p50_ms": None, "p95_ms": None, "p99_ms": None}


class TestRows:
    def test_rounds_are_added_up_and_kept_apart(self) -> None:
        slices = [part([10.0, 20.0], 2.0, errors={"503": 1}), part([40.0], 1.0, errors={"503": 2, "500": 1})]
        found = figures.row("sonotriage-api", "closed", slices, clients=4)
        assert (found["pictures_per_second"], found["requests"], found["clients"]) == (1.0, 3, 4)
        assert found["errors"] == {"503": 3, "500": 1}
        assert [one["p50_ms"] for one in found["rounds"]] == [10.0, 40.0]
        assert "peak_mb" not in found

    def test_memory_is_that_of_the_first_round(self) -> None:
        slices = [part([10.0], peak_mb=400.0), part([10.0], peak_mb=900.0)]  # later it also holds what others left
        assert figures.row("sonotriage-api", "closed", slices, clients=1)["peak_mb"] == 400.0

    def test_stages_are_medians_over_all_rounds(self) -> None:
        found = figures.row("engine", "batches", [part([1.0], stages={"segment": [3.0, 9.0]}),
                                                  part([1.0], stages={"segment": [4.0]})])  # fmt: skip
        assert found["stages_ms"] == {"segment": 4.0}


class TestRatios:
    def test_there_are_exactly_six(self, rows: list[figures.Row]) -> None:
        found, _ = figures.ratios(rows, "bentoml")
        assert set(found) == GOALS == set(page.MEANINGS)

    def test_each_is_formed_within_a_round(self, rows: list[figures.Row]) -> None:
        found, spreads = figures.ratios(rows, "bentoml")
        assert found["overhead_1_client"] == pytest.approx((1.2 + 1.4) / 2)
        assert spreads["overhead_1_client"] == [1.2, 1.4]
        assert found["saturation_of_floor"] == pytest.approx((23 / 25 + 12 / 12.5) / 2)
        assert found["p50_vs_keras"] == pytest.approx((0.1 + 0.14) / 2)
        assert found["throughput_vs_keras"] == pytest.approx((23 / 4 + 12 / 1) / 2)
        assert found["p50_vs_bentoml_1"] == pytest.approx((0.5 + 0.7) / 2)
        assert found["throughput_vs_bentoml_16"] == pytest.approx((2.3 + 2.0) / 2)

    def test_the_best_of_the_bare_networks_may_be_lines_side_by_side(self, rows: list[figures.Row]) -> None:
        lines = figures.row("floor", "batches", [part([80.0], 1, 46), part([80.0], 1, 24)], batch=1, side_by_side=2)
        assert figures.ratios([*rows, lines], None)[0]["saturation_of_floor"] == 0.5
        assert figures.ratios([*rows, lines], None)[0]["overhead_1_client"] == 1.3

    def test_what_was_not_measured_is_none(self, rows: list[figures.Row]) -> None:
        ours = [each for each in rows if each["system"] in ("floor", "sonotriage-api")]
        found, spreads = figures.ratios(ours, None)
        assert {name for name, ratio in found.items() if ratio is None} == GOALS - set(spreads)
        assert set(spreads) == {"overhead_1_client", "saturation_of_floor"}

    def test_a_round_without_an_answer_counts_for_nothing(self) -> None:
        rows = [batch("floor", 1, part([50.0]), part([50.0])), closed("sonotriage-api", 1, part([]), part([75.0]))]
        assert figures.ratios(rows, None)[0]["overhead_1_client"] == 1.5


class TestGenerators:
    def test_clients_and_rate_are_shared_without_loss(self) -> None:
        assert [each["clients"] for each in generators.shared({"clients": 7, "seconds": 1}, 3)] == [3, 2, 2]
        assert [each["clients"] for each in generators.shared({"clients": 1, "seconds": 1}, 3)] == [1]
        assert sum(each["rate"] for each in generators.shared({"rate": 9.0}, 3)) == 9.0
        assert generators.shared({"clients": 4, "requests": 8}, 3) == [{"clients": 4, "requests": 8}]

    def test_answers_are_added_up(self) -> None:
        one = {"milliseconds": [5.0], "acknowledged": ["a"], "seconds": 2.0, "errors": {"503": 1}, "stages": {"s": [1]},
               "pictures": 1, "client_cpu_s": 0.5, "bare_503": 0}  # fmt: skip
        found = generators.merged([one, {**one, "seconds": 3.0, "errors": {"503": 2}}])
        assert (found["pictures"], found["seconds"], found["client_cpu_s"]) == (2, 3.0, 1.0)
        assert (found["errors"], found["stages"]) == ({"503": 3}, {"s": [1, 1]})


class TestOverload:
    def test_lost_is_what_was_acknowledged_and_has_no_answer(self) -> None:
        seen = part([5.0] * 4, acknowledged=["a", "b", "c", "d"], errors={"503": 7, "500": 1}, bare_503=2)
        found = overload.report(seen, Counter(done=2, declined=1, failed=1), [100.0] * 5 + [130.0] * 5)
        assert (found["lost"], found["bad_5xx"], found["sent"]) == (1, 3, 12)
        assert found["memory_growth_mb"] == 30.0


class TestPlan:
    def test_a_quick_run_measures_less_of_the_same(self) -> None:
        quick, whole = plan.from_arguments(["--quick"]), plan.from_arguments([])
        assert quick.output == whole.output
        assert {1, 16} <= set(quick.clients) < set(whole.clients)
        assert quick.duration_s < whole.duration_s

    def test_the_environment_sets_duration_and_rounds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DURATION", "12")
        monkeypatch.setenv("ROUNDS", "4")
        assert plan.from_arguments([]).slice_s == 3.0

    def test_a_gpu_run_leaves_the_cpu_results_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GPU", "1")
        asked = plan.from_arguments([])
        assert (asked.provider, asked.output.name, asked.batches) == ("cuda", "gpu.json", (1, 4, 16, 32))


class TestClients:
    def test_the_pause_is_that_of_the_waiting_page(self) -> None:
        script = (ROOT / "static" / "js" / "waiting.js").read_text(encoding="utf-8")
        assert f"PAUSE_MS = {round(clients.waiting_pause_s() * 1000)};" in script

    def test_a_body_has_the_texts_and_the_file(self) -> None:
        body = clients.multipart(b"\x89PNG", "picture", csrf_token="abc")
        assert body.count(clients.BOUNDARY.encode()) == 3
        assert b'name="csrf_token"\r\n\r\nabc\r\n' in body
        assert b"\r\n\r\n\x89PNG\r\n--" in body


def test_work_of_others_is_seen_in_cores() -> None:
    assert 0 <= machine.busy_cores(0.05) <= 1024


def test_memory_of_this_process_is_seen() -> None:
    assert 10 < memory.memory_mb(os.getpid()) < 100_000


def test_a_process_that_is_just_being_started_does_not_count_yet() -> None:
    program = "import os, time; b = bytearray(b'x') * 300_000_000; os.fork() or time.sleep(60); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], start_new_session=True) as running:
        try:
            while len(memory.tree(running.pid)) < 2:
                pass
            both = set(memory.tree(running.pid))
            assert memory.memory_mb(running.pid, {running.pid}) < memory.memory_mb(running.pid, both)
        finally:
            os.killpg(running.pid, signal.SIGKILL)


def test_memory_that_was_freed_again_is_seen() -> None:
    watch = memory.MemoryWatch(os.getpid())

    def work() -> None:
        kept = bytearray(b"x") * 300_000_000
        time.sleep(1)  # meanwhile it looks some thirty times
        del kept

    assert 200 < watch.extra_mb(work) < 400
    watch.stop()


class TestPage:
    @pytest.fixture
    def results(self, rows: list[figures.Row]) -> dict[str, Any]:
        ratios, spreads = figures.ratios(rows, "bentoml")
        opened = figures.row("sonotriage-api", "open", [part([80.0])], share=0.9, rate=20.7, picture="busi")
        grown = figures.row("sonotriage-api", "growth", [part([900.0])], clients=1, picture="25 MP", megapixels=25,
                            extra_peak_mb=390.0)  # fmt: skip
        about = {"name": "sonotriage", "title": "Sonotriage", "served": "gunicorn", "ready_s": 2.0,
                 "first_answer_s": 2.1, "peak_mb": 900.0}  # fmt: skip
        return {
            "machine": {"processor": "A processor", "cores": 2, "instructions": ["avx2"], "memory_gb": 8.0,
                        "gpu": None, "busy_before": 0.1},
            "commit": "0123456789abcdef", "versions": {"sonotriage": {"python": "3.11.7"}}, "minutes": 20.0,
            "measured_at": "2026-11-21T06:00:00Z", "plan": {"rounds": 2, "duration_s": 24.0, "is_quick": False},
            "peer": "BentoML", "left_out": {}, "ratios": ratios, "ratio_spreads": spreads, "systems": [about],
            "rows": [*rows, opened, grown],
            "overload": overload.report(part([5.0], acknowledged=["a"], errors={}, bare_503=0), Counter(done=1), [1.0])
            | {"minutes": 10, "rate": 50.0, "clients": 64},
        }  # fmt: skip

    def test_it_says_which_goals_were_reached(self, results: dict[str, Any]) -> None:
        written = page.page(results, None)
        lines = {name: line for line in written.splitlines() for name in GOALS if line.startswith(f"| `{name}`")}
        assert set(lines) == GOALS
        assert "1.30 (1.20 to 1.40)" in lines["overhead_1_client"]
        assert all("| reached |" in line for line in lines.values())
        results["ratios"]["saturation_of_floor"] = 0.89
        assert page.page(results, None).count("| missed |") == written.count("| missed |") + 1

    def test_it_says_how_memory_grows_with_clients(self, results: dict[str, Any]) -> None:
        own = [row for row in results["rows"] if row["system"] == "sonotriage-api" and row["load"] == "closed"]
        own[0]["peak_mb"], own[-1]["peak_mb"] = 400.0, 812.3
        assert "memory from 400 to 812 MB" in page.page(results, None)

    def test_every_table_row_has_as_many_cells_as_its_head(self, results: dict[str, Any]) -> None:
        blocks = re.findall(r"(?:^\|.*\n)+", page.page(results, results), re.MULTILINE)
        assert len(blocks) > 8
        for block in blocks:
            assert len({line.count("|") for line in block.splitlines()}) == 1

    def test_it_says_when_the_machine_was_busy_or_the_run_short(self, results: dict[str, Any]) -> None:
        assert "Other work ran" not in page.page(results, None)
        results["machine"]["busy_before"], results["plan"]["is_quick"] = 2.5, True
        written = page.page(results, None)
        assert "Other work ran" in written
        assert "short run" in written


class TestPeers:
    def test_every_peer_has_a_server_and_exact_requirements(self) -> None:
        found = sorted(path.name for path in systems.PEERS.iterdir() if path.is_dir())
        assert found == ["bentoml", "keras", "pytorch"]
        for name in found:
            assert (systems.PEERS / name / "server.py").is_file()
            lines = (systems.PEERS / name / "requirements.txt").read_text(encoding="utf-8").splitlines()
            assert lines
            assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)

    def test_the_documents_list_what_they_pin(self) -> None:
        text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
        listed = set(re.findall(r"^\| `([\w.-]+==[\w.]+)` \|", text, re.MULTILINE))
        own = (ROOT / "benchmarks").glob("requirements*.txt")
        files = [*own, *systems.PEERS.glob("*/requirements.txt")]
        pinned = {line for path in files for line in re.findall(r"^[\w.-]+==.+", path.read_text(), re.MULTILINE)}
        assert listed == pinned


class TestProcessorTime:
    def test_what_no_process_used_is_nobodys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processor_time, "usable_cores", lambda: 2)
        before, after = Counter({"server": 1000}), Counter({"server": 2000, "decoding": 100})
        found = {"pictures": 10, "seconds": 1.0, "client_cpu_s": 0.05}
        shares, rate = processor_time.shares_of(before, after, found)
        nobody = shares.pop("nobody: disk, hand-overs, other work on the machine")
        assert shares == {"server": 100.0, "decoding": 10.0, "load generator": 5.0}
        assert (nobody, rate) == (85.0, 10.0)

    def test_the_largest_share_stands_first(self) -> None:
        lines = processor_time.table("alone", {"small": 1.04, "large": 20.0}).splitlines()
        assert lines[2:] == ["| large | 20.0 |", "| small | 1.0 |"]


class TestEngines:
    def test_what_can_be_opened_is_compared_and_the_rest_is_said(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(engines, "MODELS", write_tiny_networks(tmp_path / "models"))
        pictures = [Picture(speckle(seed, "oval", 64, 64), "png") for seed in range(40)]
        monkeypatch.setattr(engines, "_pictures", lambda every: (pictures, "synthetic"))
        report = engines.measured(engines.gpu_variants(tmp_path, provider="cpu"), every=1, is_gpu=True)
        first, second = report["variants"]
        assert (first["name"], second["name"]) == (engines.REFERENCE, "CUDA, fp32")
        assert (second["other_class"], second["mean_dice"]) == (0, 1.0)
        assert second["side_by_side_per_s"] > 0
        assert "left out: CUDA, fp16 (" in capsys.readouterr().out
        for name in ("engines", "engines-gpu"):
            template = (engines.TEMPLATES / f"{name}.template.md").read_text(encoding="utf-8")
            rows = [line for line in engines.page(report, template).splitlines() if line.startswith("|")]
            assert len(rows) == 4
            assert len({row.count("|") for row in rows}) == 1
