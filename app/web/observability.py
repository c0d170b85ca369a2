"""What an operator sees: a log line per request, a request id on every answer, and figures for Prometheus.

Nothing personal is logged: no addresses, file names, query strings, ids of images or texts of exceptions (they may
quote what was sent). How a line is written: `server/json_log.py`.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_REQUEST_ID = re.compile(r"^[A-Za-z0-9-]{8,32}$")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

FINISHED, FAILED = "finished", "failed"

REGISTRY = CollectorRegistry()
UPLOADS = Counter("sonotriage_uploads", "Uploads taken in.", registry=REGISTRY)
REFUSALS = Counter("sonotriage_refusals", "Uploads refused, by code.", ["code"], registry=REGISTRY)
# No category, and no provider beside a count: whoever watches the figures while somebody sends would learn the answer.
ANALYSES = Counter("sonotriage_analyses", "Analyses that ended, by how.", ["outcome"], registry=REGISTRY)
PROVIDER = Gauge("sonotriage_provider", "1 for what the networks ran on last.", ["provider"], registry=REGISTRY)
STAGES = Histogram(
    "sonotriage_stage_seconds", "Time of a stage of the analysis.", ["stage"], buckets=_SECONDS, registry=REGISTRY
)
REQUESTS = Histogram(
    "sonotriage_request_seconds", "Time of a request by route template.", ["method", "route", "status"],
    buckets=_SECONDS, registry=REGISTRY,
)  # fmt: skip
QUEUE = Gauge("sonotriage_queue_length", "Images that wait or are being analysed.", registry=REGISTRY)
SHUT_IN = Gauge("sonotriage_decoder_shut_in", "1 while decoders are shut in, 0 while not.", registry=REGISTRY)

log = logging.getLogger(__name__)


def bind(app: Flask) -> None:
    """Give every request an id, a duration and a log line."""
    app.log_exception = _log_exception  # type: ignore[method-assign, assignment]

    @app.before_request
    def begin() -> None:
        request_id()
        g.request_started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        if "request_started" not in g:  # refused before any handler ran
            begin()
        seconds = time.perf_counter() - g.request_started
        route = _route()
        method = request.method if request.method in {"GET", "HEAD", "POST", "DELETE", "OPTIONS"} else "other"
        REQUESTS.labels(method, route, str(response.status_code)).observe(seconds)
        response.headers["X-Request-ID"] = request_id()
        level = logging.DEBUG if route.startswith(("/health", "/metrics", "/static")) else logging.INFO
        log.log(
            level, "request",
            extra={"method": method, "route": route, "status": response.status_code, "ms": round(seconds * 1000, 1)},
        )  # fmt: skip
        return response


def _log_exception(error: Any) -> None:
    """Log an error of ours by its route; Flask's own line would show the address, which is the key to a result."""
    log.error("unhandled error", exc_info=error, extra={"route": _route(), "stage": "request"})


def _route() -> str:
    """The template of the present address, without what stands in it."""
    return request.url_rule.rule if request.url_rule else "unmatched"


def request_id() -> str:
    """The id of the present request: the one that a trusted proxy gave, or a new one of 32 hexadecimal digits."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "")
        is_believed = current_app.config["TRUSTED_PROXIES"] > 0 and _REQUEST_ID.match(given)
        g.request_id = given if is_believed else secrets.token_hex(16)
    found: str = g.request_id
    return found


@contextmanager
def counted_upload() -> Iterator[None]:
    """Counts what the block does with an upload: taken in, or refused with the `code` of the error that leaves it."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "code", None)
        REFUSALS.labels(code if isinstance(code, str) else "internal_error").inc()
        raise
    UPLOADS.inc()


def count_analysis(provider: str, milliseconds: Mapping[str, float]) -> None:
    """Count a finished analysis with the times of its stages."""
    ANALYSES.labels(FINISHED).inc()
    PROVIDER.clear()
    PROVIDER.labels(provider).set(1)
    for stage, spent in milliseconds.items():
        STAGES.labels(stage).observe(spent / 1000)


def count_declined() -> None:
    """Count an image that the gate declined; it counts as finished, as any other."""
    ANALYSES.labels(FINISHED).inc()


def count_given_up() -> None:
    """Count an image that has no result because its analysis failed too often."""
    ANALYSES.labels(FAILED).inc()
