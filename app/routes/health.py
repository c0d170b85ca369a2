"""Doors for the machines that watch: alive, ready, figures."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.serving import watchers
from app.upkeep import readiness
from app.web import observability
from app.web.extensions import limiter

blueprint = Blueprint("health", __name__)
limiter.exempt(blueprint)


@blueprint.get("/health/live")
def live() -> ResponseReturnValue:
    """The process answers."""
    return {"status": "alive"}


@blueprint.get("/health/ready")
def ready() -> ResponseReturnValue:
    """Pictures can be taken in, kept and read; 503 with the code of the first fault otherwise."""
    report = readiness.report()
    return report.to_json(), 200 if report.is_ready else 503


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Figures in Prometheus' text format, for this machine and for holders of METRICS_TOKEN."""
    watchers.check()
    readiness.measure()
    return Response(generate_latest(observability.REGISTRY), content_type=CONTENT_TYPE_LATEST)
