"""Two clients behind one address that chose the same key."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

from tests.exam.footprint import footprint
from tests.exam.marks import exam
from tests.exam.senders.person import BOUNDARY, multipart
from tests.factories.pictures import encoded, ultrasound
from tests.factories.server import Server

Seen = Callable[[str], None]
UUID = "5b0c6a0e-2f6b-4f52-8f43-0a9d3c1e7b88"


def ask(
    server: Server, method: str, path: str, content: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = None if content is None else multipart([("file", "p.png", content)])
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"} if body else {}
    try:
        connection.request(method, path, body, kind | {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


@exam("S18", given="Idempotency-Key `1` from two clients behind one address, one knows the other's id (0.2.0: the "
      "second got 422, and could delete the first's study)", expected="Each gets a study of its own; neither deletes "
      "the other's; each deletes its own by its Delete-Token")  # fmt: skip
def test_a_key_alone_gives_nobody_another_s_image(server: Server, seen: Seen) -> None:
    first, second = (
        ask(server, "POST", "/api/v1/studies", encoded(ultrasound(seed)), Idempotency_Key="1") for seed in (1801, 1802)
    )
    assert {first[0], second[0]} <= {201, 202}
    one, other = (json.loads(answer[2])["id"] for answer in (first, second))
    assert one != other
    for stolen in (
        {"Idempotency_Key": "1"}, {"Delete_Token": second[1]["Delete-Token"]}, {"Delete_Token": one},
        {"Idempotency_Key": "1", "Delete_Token": "1"}, {},
    ):  # fmt: skip
        assert ask(server, "DELETE", f"/api/v1/studies/{one}", **stolen)[0] == 403, stolen
    assert server.get(f"/api/v1/studies/{one}")[0] == 200
    for answer, image_id in ((first, one), (second, other)):
        assert ask(server, "DELETE", f"/api/v1/studies/{image_id}", Delete_Token=answer[1]["Delete-Token"])[0] == 204
    seen("201 and 201, two ids; 5 tries to delete the other's: 403; each its own: 204")


@exam("S18", given="The same key and the same file again, by whoever", expected="The same study; no right to delete it "
      "unless the key is one that nobody guesses")  # fmt: skip
def test_repeating_is_harmless(server: Server, seen: Seen) -> None:
    content, before = encoded(ultrasound(1803)), footprint(server).rows["image"]
    for key, is_told in (("1", False), (UUID, True)):
        first, again = (ask(server, "POST", "/api/v1/studies", content, Idempotency_Key=key) for _ in range(2))
        assert json.loads(first[2])["id"] == json.loads(again[2])["id"]
        assert "Delete-Token" in first[1]
        assert ("Delete-Token" in again[1]) == is_told
    assert footprint(server).rows["image"] == before + 2
    path = f"/api/v1/studies/{json.loads(first[2])['id']}"
    assert ask(server, "DELETE", path, Idempotency_Key=UUID)[0] == 204
    seen("one study a key; the token is told again to the holder of a UUID alone, whose key deletes as before")
