"""The exam's results: one entry per test, kept in a JSON file that grows and renews itself from run to run."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import version
from app.store.database import driver

ROOT = Path(__file__).parents[2]
_PACKAGES = ("gunicorn", "Flask", "SQLAlchemy", "onnxruntime-gpu", "numpy", "Pillow", "pydicom")
_WRITTEN = (":(exclude)tests/exam/results.json", ":(exclude)docs/reference/exam.md")


class Record:
    """Collects outcome and sights of every test and writes them after each, so that a run that is cut off counts too.

    Entries of tests that this run does not touch stay as they were, with their own commit and date; those of tests
    that no longer exist go.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[str, str]] = {}
        self._earlier = {one["test"]: one for one in _read(path)}
        self._now: dict[str, dict[str, Any]] = {}
        self._run = {"commit": commit(), "date": datetime.now(UTC).isoformat(timespec="seconds")}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Forget what whole files no longer hold; a run of named tests (`file::test`) says nothing about the others."""
        tests = {short(item.nodeid) for item in items}
        files = set() if any("::" in argument for argument in config.args) else {one.split("::")[0] for one in tests}
        self._earlier = {
            test: one
            for test, one in self._earlier.items()
            if (ROOT / "tests" / "exam" / test.split("::")[0]).exists()
            and (test in tests or test.split("::")[0] not in files)
        }

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = item.get_closest_marker("exam")
            if mark is not None:
                self._rows[item.nodeid] = {"row": mark.args[0], **mark.kwargs}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self._rows or (report.when != "call" and report.outcome == "passed"):
            return
        test = short(report.nodeid)
        if self._now.get(test, {}).get("outcome") == "failed":
            return
        self._now[test] = {
            **self._rows[report.nodeid],
            "test": test,
            "outcome": report.outcome,
            "seconds": round(report.duration, 1),
            "seen": _seen(report),
            **self._run,
        }  # fmt: skip
        self._write()

    def _write(self) -> None:
        tests = sorted((self._earlier | self._now).values(), key=lambda one: (one["row"], one["test"]))
        document = {"machine": machine(), **self._run, "versions": versions(), "tests": tests}
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        new = self._path.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self._path)


def short(node_id: str) -> str:
    """A test's name from the folder of the exam on."""
    return node_id.removeprefix("tests/exam/")


def machine() -> dict[str, str | int]:
    """What the exam runs on, without a name of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(), "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release()}",
    }  # fmt: skip


def versions() -> dict[str, str]:
    """Of the product and of what its behaviour depends on most."""
    found = {"Sonotriage": version.VERSION, "Python": platform.python_version(), "SQLite": driver.sqlite_version}
    return found | {"nginx": _nginx()} | {name: importlib.metadata.version(name) for name in _PACKAGES}


def _nginx() -> str:
    """Version of the nginx in front; "none" where the exam was run without."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        return "none"
    return subprocess.run([path, "-v"], capture_output=True, text=True).stderr.strip().rpartition("/")[2]


def commit() -> str:
    """The commit under examination; a plus sign says that files differed from it."""
    try:
        name = _git("rev-parse", "--short=10", "HEAD")
        return name + "+" * bool(_git("status", "--porcelain", "--", ".", *_WRITTEN))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _seen(report: pytest.TestReport) -> list[str]:
    """What the test said it saw, and why it was left out or failed."""
    seen = [str(value) for name, value in report.user_properties if name == "seen"]
    if report.skipped and isinstance(report.longrepr, tuple):
        return [*seen, report.longrepr[2].removeprefix("Skipped: ")]
    crash = getattr(report.longrepr, "reprcrash", None)
    if report.failed and crash is not None:
        return [*seen, crash.message.split("\n")[0].replace(str(ROOT), "")[:300]]
    return seen


def _read(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["tests"] if path.exists() else []
