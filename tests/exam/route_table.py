"""Every address of the product as `flask routes` prints it, so that a new one can't be forgotten by a test."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.factories.server import Server

_LINE = re.compile(r"^(?P<endpoint>[\w.]+)\s{2,}(?P<methods>[A-Z, ]+?)\s{2,}(?P<rule>/.*)$")
_HOLE = re.compile(r"<(?:(?P<kind>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Route:
    """One line of the table."""

    endpoint: str
    methods: frozenset[str]
    rule: str

    @property
    def holes(self) -> set[str]:
        """Names of what an address of this route has to be filled with."""
        return {found["name"] for found in _HOLE.finditer(self.rule)}

    def path(self, **values: str) -> str:
        """An address: `image_id`, `user_id` and the like filled in."""
        usual = {"name": "picture", "filename": "css/base.css", "code": "no-such-code", "user_id": "1", **values}
        return _HOLE.sub(lambda found: usual.get(found["name"], "0" * 32), self.rule)

    @property
    def changing(self) -> frozenset[str]:
        """Its methods that may change something."""
        return self.methods - SAFE


def route_table(server: Server) -> list[Route]:
    """All routes of the product."""
    lines = server.flask("routes", "--all-methods").splitlines()
    found = [_LINE.match(line) for line in lines]
    routes = [
        Route(line["endpoint"], frozenset(line["methods"].split(", ")), line["rule"].strip()) for line in found if line
    ]
    assert len(routes) == len([line for line in lines if " /" in line]), "a line of the table was not understood"
    assert len(routes) > 20
    return routes
