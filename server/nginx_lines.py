"""What nginx says of itself, as log lines of ours: what happened, and never who asked for what."""

from __future__ import annotations

import re

_LINE = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(?P<level>[a-z]+)\] (?:\d+#\d+: )?(?:\*\d+ )?(?P<said>.*)$")
_LEVELS = {"emerg": "CRITICAL", "alert": "CRITICAL", "crit": "ERROR", "error": "ERROR", "warn": "WARNING"}


def cut(line: str) -> tuple[str, str]:
    """Level (as `logging` names it) and message of a line of nginx.

    nginx ends its lines with client, request and referrer, and quotes paths, which may be somebody's: all between the
    first and the last quotation mark goes, and all from the first of those words on.
    """
    found = _LINE.match(line)
    level, said = (_LEVELS.get(found["level"], "INFO"), found["said"]) if found else ("ERROR", line)
    said = re.split(r",? ?\b(?:client|server|request|upstream|host|referrer): ", said)[0]
    return level, re.sub(r'".*"', '"…"', said).strip()
