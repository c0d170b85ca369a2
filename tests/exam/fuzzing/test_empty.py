"""Uploads without content."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.exam.marks import exam
from tests.factories.server import Server


@exam("B1", given="An empty file", expected="422 `empty_file`; nothing is kept")
def test_an_empty_file_is_refused(
    server: Server, untouched: Callable[[], AbstractContextManager[None]], seen: Callable[[str], None]
) -> None:
    with untouched():
        status, answer = server.upload(b"")
    assert (status, answer["code"]) == (422, "empty_file")
    seen(f"{status} {answer['code']}")
