"""A small load generator: threads over http.client, closed loop (each client sends when it was answered) and open
loop (pictures come at a rate, whatever the server does), and a count of what was acknowledged and lost.
"""

from __future__ import annotations

import http.client
import io
import itertools
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imaging.phantom import speckle
from tests.factories.server import Server

ACKNOWLEDGED = (200, 201, 202)
FINISHED = ("done", "declined", "failed")
_BOUNDARY = "load-boundary"
_HEADERS = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


@dataclass(frozen=True)
class Sent:
    """One upload: when it was due (s since the start), how long the answer took, and what it was."""

    due_s: float
    seconds: float
    status: int  # 0: no answer
    code: str = ""
    image_id: str = ""
    has_retry_after: bool = False


@dataclass(frozen=True)
class Run:
    """What a load showed."""

    sent: tuple[Sent, ...]
    seconds: float

    @property
    def acknowledged(self) -> list[str]:
        """Ids of images that the server said it keeps."""
        return [one.image_id for one in self.sent if one.status in ACKNOWLEDGED]

    @property
    def refused(self) -> list[Sent]:
        return [one for one in self.sent if one.status not in ACKNOWLEDGED]

    def codes(self) -> str:
        """`201 x 40, 503 queue_full x 3`"""
        counts = Counter(f"{one.status} {one.code}".strip() for one in self.sent)
        return ", ".join(f"{code} x {count}" for code, count in sorted(counts.items()))

    def answered_in(self, share: float) -> float:
        """Quantile of the seconds until an acknowledgement."""
        return quantile([one.seconds for one in self.sent if one.status in ACKNOWLEDGED], share)

    def figures(self) -> str:
        """For the exam's page."""
        taken = ", ".join(
            f"p{round(100 * share)} {self.answered_in(share) * 1000:.0f} ms" for share in (0.5, 0.95, 0.99)
        )
        return f"{len(self.sent)} uploads in {self.seconds:.0f} s: {self.codes()}; {taken}"


class Scans:
    """Synthetic ultrasound pictures as JPEG, each with other pixels. Safe to use from many threads.

    Args:
        height, width: in pixels; 870 x 1150 is a megapixel, as scanners export.
    """

    def __init__(self, height: int = 870, width: int = 1150) -> None:
        shapes = zip((1, 2, 3, 4), ("oval", "irregular", "oval", None), strict=True)
        self._bases = [speckle(seed, lesion, height, width) for seed, lesion in shapes]
        self._numbers = itertools.count()

    def __call__(self) -> bytes:
        number = next(self._numbers)
        pixels = self._bases[number % len(self._bases)].copy()
        bits = np.unpackbits(np.array([number], ">u4").view(np.uint8)).reshape(4, 8)
        pixels[-32:, -64:] = np.kron(bits * 60, np.ones((8, 8), np.uint8))  # blocks of JPEG: survive its rounding
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=92)
        return buffer.getvalue()


def upload(server: Server, content: bytes, due: float, start: float, timeout_s: float = 60) -> Sent:
    """Send one picture on a connection of its own; the time counts from when it was due."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'.encode()
    body = head + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)
    try:
        connection.request(
            "POST", "/api/v1/studies", body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        )
        answer = connection.getresponse()
        text, status, has_retry = answer.read(), answer.status, answer.getheader("Retry-After") is not None
    except (OSError, http.client.HTTPException) as error:
        return Sent(due - start, time.monotonic() - due, 0, type(error).__name__)
    finally:
        connection.close()
    seconds, found = time.monotonic() - due, json.loads(text)
    return Sent(due - start, seconds, status, str(found.get("code", "")), str(found.get("id", "")), has_retry)


def closed(server: Server, clients: int, seconds: float, picture: Callable[[], bytes], most: int = 1_000_000) -> Run:
    """`clients` clients, each of which sends as soon as it is answered, for `seconds` or until `most` are sent."""
    start, sent = time.monotonic(), list[Sent]()
    left = itertools.count(1)

    def work() -> None:
        while time.monotonic() - start < seconds and next(left) <= most:
            content = picture()
            sent.append(upload(server, content, time.monotonic(), start))

    _all(work for _ in range(clients))
    return Run(tuple(sent), time.monotonic() - start)


def open_loop(
    server: Server, rate: float, seconds: float, picture: Callable[[], bytes], most_at_once: int = 300
) -> Run:
    """`rate` pictures a second for `seconds`, whether the server keeps up or not; a late start counts as waiting."""
    start, futures = time.monotonic(), []
    with ThreadPoolExecutor(most_at_once) as pool:
        for number in range(max(1, round(rate * seconds))):
            content, due = picture(), start + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            futures.append(pool.submit(upload, server, content, due, start))
        ended = time.monotonic()
        return Run(tuple(future.result() for future in futures), ended - start)


def lost(server: Server, image_ids: Sequence[str], timeout_s: float) -> list[str]:
    """Of these images, those that are not there or not finished after `timeout_s`. Every one is read back."""
    waiting, deadline = list(dict.fromkeys(image_ids)), time.monotonic() + timeout_s
    while waiting and time.monotonic() < deadline:
        waiting = [image_id for image_id in waiting if status_of(server, image_id) not in FINISHED]
        if waiting:
            time.sleep(0.5)
    return waiting


def status_of(server: Server, image_id: str) -> str:
    """`queued` ... `done` of an image, "" when it can't be read."""
    code, text = server.get(f"/api/v1/studies/{image_id}")
    return str(json.loads(text)["status"]) if code == 200 else ""


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def others_share(seconds: float = 1.0) -> float:
    """Share in 0..1 of this machine's processors that is at work; to be asked while the exam itself rests."""
    before = _processor_times()
    time.sleep(seconds)
    spent = [after - start for after, start in zip(_processor_times(), before, strict=True)]
    return 1.0 - (spent[3] + spent[4]) / max(1, sum(spent))


def slack() -> tuple[float, str]:
    """How much longer things may take, and a word for the page: bounds hold for a machine that does nothing else."""
    share = others_share()
    return (1.0, "") if share < 0.15 else (3.0, f" (machine {share:.0%} busy with other work: times three)")


def _processor_times() -> list[int]:
    return [int(number) for number in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def _all(works: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
