"""What goes wrong around the server: the place search (F23), the clock (F28)."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.exam.conftest import Launch
from tests.exam.faults import Sender, until
from tests.exam.fuzzing.oracle import examine
from tests.exam.marks import exam
from tests.exam.senders import browser_client
from tests.exam.senders.person import Person
from tests.factories.server import Server, free_port

Seen = Callable[[str], None]
FOUND = json.dumps([{"lat": "51.05", "lon": "13.74", "display_name": "Dresden", "address": {"country_code": "de"}}])
TOWNS = ["Dresden, Germany", "Lyon, France", "Osaka, Japan", "Toronto, Canada", "Porto, Portugal", "Leeds, UK",
         "Graz, Austria", "Turku, Finland", "Bari, Italy", "Gdansk, Poland", "Cork, Ireland", "Oslo"]  # fmt: skip


class PlaceSearch(http.server.ThreadingHTTPServer):
    """A place search that fails as `kind` says, and remembers when it was asked, by whom."""

    daemon_threads = True

    def __init__(self, kind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.kind = kind
        self.asked: list[tuple[float, str]] = []


class _Answer(http.server.BaseHTTPRequestHandler):
    server: PlaceSearch

    def do_GET(self) -> None:
        self.server.asked.append((time.monotonic(), self.headers["User-Agent"]))
        if self.server.kind == "slow":
            time.sleep(30)
        status = {"403": 403, "429": 429, "500": 500}.get(self.server.kind, 200)
        body = "<html><body>Please log in to the network</body></html>" if self.server.kind == "html" else FOUND
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # nobody waits for half a minute
            self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


@contextlib.contextmanager
def place_search(kind: str) -> Iterator[PlaceSearch]:
    with PlaceSearch(kind) as search:
        threading.Thread(target=search.serve_forever, daemon=True).start()
        try:
            yield search
        finally:
            search.shutdown()


def ask(server: Server, town: str) -> tuple[float, str]:
    """Seconds and text of the clinic page for a typed town."""
    started = time.monotonic()
    status, _, page = Person(server).get(f"/clinics?{urlencode({'place': town})}")
    assert status == 200
    return time.monotonic() - started, page


@pytest.mark.parametrize(
    "kind", ["down", "slow", "403", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("429", "500", "html"))]
)
@exam(
    "F23",
    given="The place search is down, 30 s slow, answers 403, 429, 500, or a page of HTML",
    expected="the clinic page is there within a second, from the list of the product; soon nobody is asked any more",
)
def test_a_place_search_that_fails_is_done_without(
    launch: Launch, tiny_models: Path, seen: Seen, kind: str
) -> None:  # fmt: skip
    with place_search(kind) as search:
        port = free_port() if kind == "down" else search.server_address[1]
        server = launch(models=tiny_models, NOMINATIM_URL=f"http://127.0.0.1:{port}")
        server.flask("prepare")  # fills the list of clinics
        server.start()
        ask(server, "51,13")  # coordinates: the towns are read in, nobody is asked
        answers = [ask(server, town) for town in TOWNS]
        if kind == "slow":  # two requests run into their limit of three seconds, in the background
            time.sleep(8)
        before = len(search.asked)
        late = ask(server, "Bologna, Italy")
        server.stop()
    slowest = max(seconds for seconds, _ in [*answers, late])
    without = [town for town, (_, page) in zip(TOWNS, answers, strict=True) if " km" not in page]
    assert without == [], "pages without clinics"
    assert len(search.asked) == before <= 3, "it was asked on and on"
    assert slowest < 3  # the page's own limit is 0.9 s; the rest is this machine
    seen(f"{kind}: {len(answers) + 1} pages with clinics, the slowest {slowest:.2f} s; asked {before} times, no more")


@exam("F23", given="A place search that works, and twelve towns at once",
      expected="it is asked once a second at most, under the product's own name")  # fmt: skip
def test_the_place_search_is_asked_once_a_second_at_most(launch: Launch, tiny_models: Path, seen: Seen) -> None:
    with place_search("works") as search:
        server = launch(models=tiny_models, NOMINATIM_URL=f"http://127.0.0.1:{search.server_address[1]}").start()
        asking = [threading.Thread(target=ask, args=(server, town)) for town in TOWNS]
        for thread in asking:
            thread.start()
            time.sleep(0.3)
        for thread in asking:
            thread.join()
        until(lambda: len(search.asked) >= 3)
        time.sleep(3)
        server.stop()
    moments = [moment for moment, _ in search.asked]
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(pauses) >= 2
    assert min(pauses) > 0.9  # one second, less what the answer before took on its way
    assert all(agent.startswith("Sonotriage") for _, agent in search.asked)
    seen(f"{len(moments)} requests for {len(TOWNS)} towns, {min(pauses):.2f} s apart at least")


# The wall clock of a process, moved by the seconds that a shared file holds; the steady clock is left alone.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
struct moment { long seconds, micros; };
static int64_t shift(void) {
    static volatile int64_t *seconds;
    if (!seconds) seconds = mmap(0, 8, PROT_READ, MAP_SHARED, open(getenv("EXAM_CLOCK"), O_RDONLY | O_CLOEXEC), 0);
    return *seconds;
}
int clock_gettime(clockid_t kind, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(kind, now);
    if (kind == CLOCK_REALTIME) now->tv_sec += shift();
    return status;
}
int gettimeofday(struct moment *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->seconds = precise.tv_sec; now->micros = precise.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *kept) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (kept) *kept = precise.tv_sec;
    return precise.tv_sec;
}
"""


@dataclass(frozen=True)
class Clock:
    """A wall clock that can be turned; it counts for the servers that were `given` it."""

    file: Path
    library: Path

    def turn(self, days: float) -> None:
        with self.file.open("r+b") as file:  # the same file, which the servers have mapped
            file.write(struct.pack("q", int(days * 86400)))

    def given(self, server: Server) -> Server:
        server.environment |= {"LD_PRELOAD": str(self.library), "EXAM_CLOCK": str(self.file)}
        return server


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    made = Clock(tmp_path / "clock", tmp_path / "clock.so")
    made.file.write_bytes(bytes(8))
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "clock.c").write_text(CLOCK, encoding="ascii")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(made.library), str(tmp_path / "clock.c"), "-ldl"]
    subprocess.run(command, check=True)
    return made


@exam("F28", given="The clock jumps back a day and ahead two while pictures come in and an admin is signed in",
      expected="every picture is read once; no login outlasts its 12 hours; one can always sign in")  # fmt: skip
def test_a_clock_that_jumps_does_no_harm(launch: Launch, tiny_models: Path, clock: Clock, seen: Seen) -> None:
    server = clock.given(launch(models=tiny_models, WAIT_S="0")).start()
    browser_client.admin(server, "ada")
    person, sender = Person(server), Sender(server)
    assert person.fill_in("/login", name="ada", password=browser_client.PASSWORD)[0] == 302
    pages = []
    for number, days in enumerate((0, -1, 0, 1, -1, 0)):
        clock.turn(days)
        for one in range(3):
            sender.insist(number * 3 + one)
        pages.append(person.get("/admin/")[0])
        newcomer = Person(server)
        assert newcomer.fill_in("/login", name="ada", password=browser_client.PASSWORD)[0] == 302
        assert newcomer.get("/admin/")[0] == 200
        assert server.get("/health/ready")[0] == 200
    shown = days_in(server.log.read_text(encoding="utf-8"))
    server.kill()  # with a clock that is behind all that was written
    clock.turn(-1)
    server.start()
    verdict = examine(server, sender.acknowledged.values())
    assert (sender.faults, verdict.faults, verdict.states) == ([], [], {"done": 18})
    assert pages[0] == pages[2] == pages[5] == 200
    assert pages[3] != 200, "a login of 12 hours lasted a day"
    assert shown >= 3, "the clock did not jump"
    seen(f"the log shows {shown} different days; {verdict}; admin page {' '.join(map(str, pages))}")


def days_in(log: str) -> int:
    return len({json.loads(line)["time"][:10] for line in log.splitlines() if line.startswith("{")})
