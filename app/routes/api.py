"""Doors for programs, under /api/v1. No cookie gives rights here, so no CSRF token is asked for."""

from __future__ import annotations

import io
from typing import IO, Any

from flask import Blueprint as PlainBlueprint
from flask import Response, current_app, make_response, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app import (
    api_clients,
    api_pictures,
    api_places,
    api_schemas,
    intake,
    observability,
    studies,
    waiting,
)
from app import api_specification as specification
from app.api_base import JsonInterface
from app.api_errors import NoFile, NoPlace, OneFileOnly
from app.clinics import nearest as clinics
from app.extensions import csrf, limiter
from app.intake import Actor
from app.reports.clinics_json import clinics_json
from app.reports.study_json import study_json
from app.tables.study import QUEUED

blueprint = Blueprint(
    "api", __name__, url_prefix="/api/v1", description="Upload pictures, read what was found, find clinics."
)
described = PlainBlueprint("api_description", __name__, url_prefix="/api/v1")
csrf.exempt(blueprint)

# Made once: making one takes longer than reading a request with it.
_HEADERS, _FORM, _FIELDS = api_schemas.UploadHeaders(), api_schemas.UploadForm(), api_schemas.UploadFields()


def bind(api: JsonInterface) -> None:
    """Register the doors and describe them."""
    api.register_blueprint(blueprint)
    api.register_plain(described)


def _uploads_per_minute() -> str:
    return f"{current_app.config['UPLOADS_PER_MINUTE']} per minute"


@blueprint.route("/studies", methods=["POST"])
@limiter.shared_limit(_uploads_per_minute, scope="uploads")
@blueprint.arguments(_HEADERS, location="headers")
@blueprint.arguments(_FORM, location="files")
@blueprint.response(201, api_schemas.StudySchema, description="The picture was read, or declined: see `status`.")
@blueprint.alt_response(200, schema=api_schemas.StudySchema, description="The same file was sent before.")
@blueprint.alt_response(
    202, schema=api_schemas.StudySchema, description="Kept, and waiting: ask `Location` after `Retry-After` seconds."
)
def create_study(headers: dict[str, Any], _form: dict[str, Any]) -> ResponseReturnValue:
    """Upload a picture and get what was read from it.

    On every answer but a refusal the picture is kept and will be read, whatever happens to the server.
    """
    given = headers.get("idempotency_key")
    key = given or api_clients.new_key()
    receipt = _received(Actor(api_clients.owner(key), "api", request.remote_addr, is_new=given is None))
    finished = waiting.until_finished(receipt.study_id)
    study = finished or studies.find(receipt.study_id)
    status = (201 if receipt.is_new else 200) if finished else 202
    told = {"Location": f"/api/v1/studies/{study.id}", "Idempotency-Key": key}
    return study_json(study), status, told if finished else told | waiting.ASK_AGAIN


def _received(actor: Actor) -> intake.Receipt:
    """Take the request's picture in."""
    with observability.counted_upload():
        fields = blueprint.ARGUMENTS_PARSER.parse(_FIELDS, request, location="form")
        file, place, frame = _single_file(), api_places.asked(fields), fields.get("frame")
        digest = intake.sha256_of(file)
        with api_clients.turn(actor, digest, frame):
            return intake.receive(file, actor, frame, place, digest)


def _single_file() -> IO[bytes]:
    files = request.files.getlist("file")
    if sum(len(several) for several in request.files.listvalues()) > 1:
        raise OneFileOnly
    if not files:
        raise NoFile
    return files[0].stream


@blueprint.route("/studies/<study_id>")
@blueprint.response(200, api_schemas.StudySchema)
def read_study(study_id: str) -> ResponseReturnValue:
    """A study as it stands. While it waits, `Retry-After` says when to ask again."""
    study = study_json(studies.find(study_id))
    return study, waiting.ASK_AGAIN if study["status"] == QUEUED else {}


@blueprint.route("/studies/<study_id>", methods=["DELETE"])
@blueprint.arguments(_HEADERS, location="headers")
@blueprint.response(204)
def delete_study(headers: dict[str, Any], study_id: str) -> ResponseReturnValue:
    """Delete a study with everything kept for it; only for whoever sent it, told by the Idempotency-Key."""
    study = studies.find(study_id)
    api_clients.check_owner(study, headers.get("idempotency_key"))
    studies.delete(study_id, actor="api")
    return make_response("", 204)


@blueprint.route("/studies/<study_id>/mask.png")
@blueprint.response(200, description="8-bit grey PNG of the picture's size: 255 where the lesion is.")
def read_mask(study_id: str) -> ResponseReturnValue:
    """The mask of the lesion."""
    return _picture(api_pictures.mask(studies.find(study_id)))


@blueprint.route("/studies/<study_id>/overlay.png")
@blueprint.response(200, description="PNG of the picture with the outline of the lesion drawn in.")
def read_overlay(study_id: str) -> ResponseReturnValue:
    """The picture with its outline."""
    return _picture(api_pictures.overlay(studies.find(study_id)))


def _picture(picture: api_pictures.Served) -> Response:
    return send_file(io.BytesIO(picture.content), "image/png", etag=picture.tag, max_age=0)


@blueprint.route("/clinics")
@blueprint.arguments(api_schemas.ClinicQuery, location="query")
@blueprint.response(200, api_schemas.ClinicsSchema)
@blueprint.alt_response(422, schema=api_schemas.AmbiguousSchema, description="No such place, or several.")
def list_clinics(query: dict[str, Any]) -> ResponseReturnValue:
    """The nearest clinics to a point or a typed place. Call first."""
    place = api_places.asked(query)
    if place is None:
        raise NoPlace
    nearby = clinics.nearest(place.latitude, place.longitude, place.country, query["limit"])
    return clinics_json(place, nearby, query.get("unit") or current_app.config["DISTANCE_UNIT"])


@described.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """This interface as OpenAPI 3.1."""
    return specification.current()


@described.get("/docs")
def docs() -> ResponseReturnValue:
    """This interface as a page."""
    return render_template("api/docs.html", page=specification.page())
