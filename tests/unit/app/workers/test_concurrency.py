"""What a server sets before it starts its threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.workers.concurrency import SWITCH_S

ASKED = (
    "import sys, cv2; from app.workers import concurrency; {before}; "
    "print(cv2.getNumThreads(), sys.getswitchinterval())"
)


def told(before: str) -> tuple[int, float]:
    """In a process of its own: both settings hold for all of it."""
    command = [sys.executable, "-c", ASKED.format(before=before)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    threads, switch_s = answer.stdout.split()
    return int(threads), float(switch_s)


def test_pictures_share_the_cores_without_helpers() -> None:
    assert told("concurrency.share_cores()") == (1, SWITCH_S)
    assert told("None")[1] > SWITCH_S


def test_the_server_is_started_like_that(tmp_path: Path) -> None:
    assert told(f"import os; os.environ['DATA_DIR'] = {str(tmp_path)!r}; import wsgi") == (1, SWITCH_S)
