"""Style sheets and scripts: fetched once per version, and compressed. Pages are not: they hold secrets."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request

VERSION = "v"
_COMPRESSED = {"text/css", "text/javascript", "image/svg+xml"}
_YEAR_S = 31_536_000


def bind(app: Flask) -> None:
    """Give every address of a static file its content's version, and every answer its headers."""
    app.url_defaults(_versioned)
    app.after_request(_served)


def _versioned(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint != "static" or "filename" not in values:
        return
    path = Path(current_app.static_folder or "") / str(values["filename"])
    if path.is_file():
        values.setdefault(VERSION, _digest(path, path.stat().st_mtime_ns))


def _served(response: Response) -> Response:
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return response
    if VERSION in request.args:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
    if response.mimetype in _COMPRESSED:
        response.vary.add("Accept-Encoding")
        if response.status_code == 200 and request.method == "GET" and request.accept_encodings["gzip"] > 0:
            _compress(response)
    return response


def _compress(response: Response) -> None:
    path = Path(current_app.static_folder or "") / str((request.view_args or {})["filename"])
    response.close()  # the file that would have been sent
    response.direct_passthrough = False
    response.set_data(_compressed(path, path.stat().st_mtime_ns))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(f"{etag}-gzip")


@lru_cache(maxsize=256)
def _digest(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=256)
def _compressed(path: Path, _changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
