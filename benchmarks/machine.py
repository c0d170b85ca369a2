"""On what was measured: machine, commit, versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from app.inference.sessions import usable_cores

ROOT = Path(__file__).parent.parent
OURS = ("flask", "gunicorn", "numpy", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "pillow")
THEIRS = ("bentoml", "flask", "gunicorn", "keras", "monai", "onnxruntime", "tensorflow-cpu", "torch")
_WRITTEN = (":!benchmarks/results", ":!docs")  # what a run itself writes changes nothing that is measured
_PRINT_VERSIONS = """
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try: found[name] = metadata.version(name)
    except metadata.PackageNotFoundError: pass
print(json.dumps(found))
"""


def machine() -> dict[str, Any]:
    """Processor, usable cores, memory, system, GPU, and how busy the machine was before the run."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "instructions": _instructions(),
        "memory_gb": round(pages / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "gpu": _gpu(),
        "busy_before": busy_cores(),
    }


def busy_cores(seconds: float = 2.0) -> float | None:
    """How many cores work at present, whoever has them work; None where the system does not tell."""
    try:
        before = _processor_ticks()
        time.sleep(seconds)
        busy, whole = (after - first for after, first in zip(_processor_ticks(), before, strict=True))
    except OSError:
        return None
    return round(busy / max(1, whole) * (os.cpu_count() or 1), 2)


def _processor_ticks() -> tuple[int, int]:
    """Ticks that all cores have worked, and ticks in all, since the system started (Linux)."""
    ticks = [int(each) for each in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def commit() -> str:
    """The commit that was measured, with "+changes" where the tree differs from it."""
    try:
        name = _git("rev-parse", "HEAD")
        return name + (
            "+changes" if _git("status", "--porcelain", "--untracked-files=no", "--", ".", *_WRITTEN) else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions(pythons: dict[str, Path]) -> dict[str, dict[str, str]]:
    """Versions of what matters, ours and of every peer's own environment.

    Args:
        pythons: interpreter of each peer, by its name.
    """
    ours = {"python": platform.python_version()} | {name: version for name in OURS if (version := _version(name))}
    door = ours | {"nginx": _nginx_version()}
    return {"sonotriage": ours, "front-door": door} | {name: _peer_versions(path) for name, path in pythons.items()}


def _nginx_version() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    try:
        told = subprocess.run(["nginx", "-v"], capture_output=True, text=True, env={**os.environ, "PATH": path})
    except FileNotFoundError:
        return "none"
    return told.stderr.strip().rpartition("/")[2]


def _peer_versions(python: Path) -> dict[str, str]:
    answer = subprocess.run([python, "-c", _PRINT_VERSIONS, *THEIRS], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def _cpu_facts(name: str) -> list[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]


def _processor() -> str:
    return next(iter(_cpu_facts("model name")), platform.processor() or "unknown")


def _instructions() -> list[str]:
    """The vector instructions that matter to the networks."""
    flags = set(next(iter(_cpu_facts("flags")), "").split())
    return [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if name in flags]


def _gpu() -> str | None:
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip().splitlines()[0]
