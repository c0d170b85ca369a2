"""How long the triage list takes: `python -m benchmarks.questions.triage_list --rows 100000`.

Fills a database in a temporary folder, then asks for pages with random filters, orders and depths, the way the list
page does (ids, rows, count, counts per category). The target is a p95 under 50 ms at 100,000 images.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from app import categories, create_app
from app.inference.results import LABELS
from app.review import triage_list
from app.review.triage_list import SORTS, STATUSES, Filters
from app.tables import Image
from app.web.extensions import db

START = datetime(2025, 1, 1, tzinfo=UTC)
SHARES = {"prompt": 20, "unsure": 15, "failed": 1, "routine": 40, "clear": 20, "declined": 4}


def rows(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Images as a busy server would hold them, one every five minutes."""
    chance = random.Random(seed)
    for number in range(count):
        (category,) = chance.choices(list(SHARES), list(SHARES.values()))
        is_read = category not in ("declined", "failed")
        is_reviewed, urgency = chance.random() < 0.5, categories.URGENCY[category]
        yield {
            "id": secrets.token_hex(16), "created_at": START + timedelta(minutes=5 * number), "owner": "0" * 64,
            "content_sha256": secrets.token_hex(32), "picture_sha256": secrets.token_hex(32), "kind": "png",
            "height": 500, "width": 600, "status": "done" if is_read else category, "category": category,
            "reason": "Only the group 'benign' fits this picture.", "urgency": urgency, "is_reviewed": is_reviewed,
            "label": chance.choice(LABELS) if is_read else None, "malignant": chance.random() if is_read else None,
            "work_rank": 10 * is_reviewed + 5 - urgency,
        }  # fmt: skip


def fill(count: int) -> None:
    """Insert the images; the mapper's events do not run here, so the rows bring their rank."""
    for batch in _batches(rows(count), 5000):
        db.session.execute(insert(Image), batch)
        db.session.commit()


def _batches(items: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(items, size)):
        yield batch


def random_filters(chance: random.Random) -> Filters:
    """A combination as a person might choose it, also those that few or no images fit."""
    day = START.date() + timedelta(days=chance.randrange(340))
    return Filters(
        label=chance.choice((None, None, *LABELS)),
        category=chance.choice((None, None, *SHARES)),
        status=chance.choice((None, None, *STATUSES)),
        is_reviewed=chance.choice((None, True, False)),
        since=chance.choice((None, None, day)),
        until=chance.choice((None, None, day + timedelta(days=30))),
        reference=chance.choice((*[""] * 9, secrets.token_hex(2))),
        sort=chance.choice(SORTS),
    )


def measure(work: Callable[[], object], times: int) -> dict[str, float]:
    """Milliseconds of a call: median, 95th percentile and worst."""
    spent = sorted(_milliseconds(work) for _ in range(times))
    return {
        "p50_ms": round(statistics.median(spent), 2),
        "p95_ms": round(spent[int(0.95 * (len(spent) - 1))], 2),
        "max_ms": round(spent[-1], 2),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    spent = (time.perf_counter() - started) * 1000
    db.session.rollback()
    return spent


def run(count: int, times: int) -> dict[str, dict[str, float]]:
    """Measure on a database of `count` images; the application context must be there."""
    fill(count)
    chance, last_page = random.Random(2), max(1, count // triage_list.PAGE_SIZE)
    return {
        "first page": measure(lambda: triage_list.page_of(Filters()), times),
        "random filters": measure(lambda: triage_list.page_of(random_filters(chance)), times),
        "random page": measure(
            lambda: triage_list.page_of(Filters(sort=chance.choice(SORTS)), chance.randrange(1, last_page + 1)), times
        ),
        "counts per category": measure(triage_list.open_counts, times),
        "next to review": measure(lambda: triage_list.next_open("0" * 32), times),
    }


def main() -> None:
    """Print the figures, and keep them where `--output` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(DATA_DIR=Path(folder))
        with app.app_context():
            db.create_all()
            figures = run(chosen.rows, chosen.times)
            db.engine.dispose()
    for name, line in figures.items():
        print(f"{name:22}" + "".join(f"{key} {value:8.2f}  " for key, value in line.items()))
    if chosen.output:
        chosen.output.write_text(json.dumps({"rows": chosen.rows, "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
