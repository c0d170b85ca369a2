"""What /metrics tells to whom."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable

from app.categories import CATEGORIES
from app.inference.results import LABELS
from tests.exam.conftest import Launch
from tests.exam.marks import exam
from tests.exam.senders.browser_client import Browser
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
TOKEN = "exam-figures-4f1b9c07"


def ask(server: Server, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def grown(before: str, after: str) -> dict[str, float]:
    """What an event changed, without the times of the server and sums of seconds: by the name of the series."""

    def read(text: str) -> dict[str, float]:
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}

    first = read(before)
    counted = re.compile(r"_(total|count)(\{|$)")
    return {
        name: value - first.get(name, 0.0)
        for name, value in read(after).items()
        if counted.search(name) and "request_seconds" not in name and value != first.get(name, 0.0)
    }


@exam("S15", given="/metrics before and after somebody's upload (0.2.0: the category stood there)",
      expected="No category and no class stands there; uploads that got different answers change the same figures alike"
      )  # fmt: skip
def test_the_figures_tell_no_answer(server: Server, seen: Seen) -> None:
    person, changes, answers = Browser(server), [], set()
    for lesion, seed in ((None, 1), ("oval", 2), ("irregular", 3), ("irregular", 4), ("oval", 5)):
        before = ask(server)[1]
        image_id = person.sent_and_read(encoded(ultrasound(1500 + seed, lesion, 300, 360)))
        read = json.loads(server.get(f"/api/v1/studies/{image_id}")[1])
        if read["status"] != "done":
            continue
        answers.add((read["category"], read["label"]))
        changes.append(grown(before, ask(server)[1]))
    text = ask(server)[1]
    for word in {*CATEGORIES, *LABELS} - {"failed"}:
        assert not re.search(rf"\b{word}\b", text), word
    assert "category" not in text
    assert len(answers) > 1, answers
    assert all(change == changes[0] for change in changes), changes
    seen(f"{len(changes)} uploads, {len(answers)} different answers, the same {len(changes[0])} figures grew alike")


@exam("S15", given="/metrics passed on by a proxy, by another name, with a wrong token, with the right one",
      expected="403 `figures_closed` but for this machine itself and for the token")  # fmt: skip
def test_the_figures_are_for_this_machine_and_for_the_token(launch: Launch, tiny_models: object, seen: Seen) -> None:
    server = launch(models=tiny_models, METRICS_TOKEN=TOKEN).start()
    assert ask(server)[0] == 200
    closed = (
        {"X_Forwarded_For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"},
        {"Host": "evil.example"}, {"X_Forwarded_For": "1.2.3.4", "Authorization": "Bearer wrong"},
    )  # fmt: skip
    for headers in closed:
        status, text = ask(server, **headers)
        assert status == 403, headers
        assert "sonotriage_" not in text
    assert ask(server, X_Forwarded_For="1.2.3.4", Authorization=f"Bearer {TOKEN}")[0] == 200
    server.stop()
    server.environment["TRUSTED_PROXIES"] = "1"
    server.start()
    assert ask(server)[0] == 403
    assert ask(server, Authorization=f"Bearer {TOKEN}")[0] == 200
    seen(f"{len(closed)} ways 403; this machine 200, the token 200; behind a trusted proxy the token alone")
