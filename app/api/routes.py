"""Doors for programs, under /api/v1. No cookie gives rights here, so no CSRF token is asked for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint as PlainBlueprint
from flask import Response, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint

from app.api import clients, places, schemas, sent_file, specification
from app.clinics import nearest as clinics
from app.reading import images, intake
from app.reading.intake import Actor
from app.reading.layers import MASK, OVERLAY
from app.refusals.interface import NoPicture, NoPlace
from app.reports.clinics_json import clinics_json
from app.reports.image_json import image_json
from app.serving import payers, senders, waiting
from app.serving.layer_answer import layer_answer
from app.store.pictures import MissingPicture
from app.tables.image import API, QUEUED
from app.web import observability
from app.web.api_base import JsonInterface
from app.web.extensions import csrf, limiter

blueprint = Blueprint(
    "api", __name__, url_prefix="/api/v1", description="Upload pictures, read what was found, find clinics."
)
described = PlainBlueprint("api_description", __name__, url_prefix="/api/v1")
csrf.exempt(blueprint)

# Made once: making one takes longer than reading a request with it.
_HEADERS, _FORM, _FIELDS = schemas.UploadHeaders(), schemas.UploadForm(), schemas.UploadFields()
_PROOF = schemas.DeletionHeaders()


def bind(api: JsonInterface) -> None:
    """Register the doors and describe them."""
    api.register_blueprint(blueprint)
    api.register_plain(described)


def _uploads_per_minute() -> str:
    return f"{current_app.config['UPLOADS_PER_MINUTE']} per minute"


@blueprint.route("/studies", methods=["POST"])
@senders.programs_invited
@limiter.shared_limit(_uploads_per_minute, scope="uploads")
@blueprint.arguments(_HEADERS, location="headers")
@blueprint.arguments(_FORM, location="files")
@blueprint.response(201, schemas.StudySchema, description="The picture was read, or declined: see `status`.")
@blueprint.alt_response(200, schema=schemas.StudySchema, description="The same file was sent before.")
@blueprint.alt_response(
    202, schema=schemas.StudySchema, description="Kept, and waiting: ask `Location` after `Retry-After` seconds."
)
def create_study(headers: dict[str, Any], _form: dict[str, Any]) -> ResponseReturnValue:
    """Upload a picture and get what was read from it.

    On every answer but a refusal the picture is kept and will be read, whatever happens to the server.
    """
    given = headers.get("idempotency_key")
    key = given or clients.new_key()
    actor = Actor(clients.owner(key), "api", request.remote_addr, given is None, payers.of_program(), API)
    receipt = _received(actor, key)
    finished = waiting.until_finished(receipt.image_id)
    image = finished or images.find(receipt.image_id)
    status = (201 if receipt.is_new else 200) if finished else 202
    told = {"Location": f"/api/v1/studies/{image.id}", "Idempotency-Key": key}
    if receipt.is_new or clients.is_secret(key):
        told["Delete-Token"] = clients.delete_token(image.id)
    return image_json(image), status, told if finished else told | waiting.ASK_AGAIN


def _received(actor: Actor, key: str) -> intake.Receipt:
    """Take the request's picture in."""
    with observability.counted_upload():
        fields = blueprint.ARGUMENTS_PARSER.parse(_FIELDS, request, location="form")
        file, place, frame = sent_file.single_file(), places.asked(fields), fields.get("frame")
        digest = intake.sha256_of(file)
        with clients.turn(actor, key, digest, frame):
            return intake.receive(file, actor, frame, place, digest)


@blueprint.route("/studies/<study_id>")
@blueprint.response(200, schemas.StudySchema)
def read_study(study_id: str) -> ResponseReturnValue:
    """A study as it stands. While it waits, `Retry-After` says when to ask again."""
    study = image_json(images.find(study_id))
    return study, waiting.ASK_AGAIN if study["status"] == QUEUED else {}


@blueprint.route("/studies/<study_id>", methods=["DELETE"])
@blueprint.arguments(_PROOF, location="headers")
@blueprint.response(204)
def delete_study(headers: dict[str, Any], study_id: str) -> ResponseReturnValue:
    """Delete a study with everything kept for it; only for whoever sent it, told by the Delete-Token."""
    clients.check_owner(images.find(study_id), headers.get("idempotency_key"), headers.get("delete_token"))
    images.delete(study_id, actor="api")
    return make_response("", 204)


@blueprint.route("/studies/<study_id>/mask.png")
@blueprint.response(200, description="8-bit grey PNG of the picture's size: 255 where the lesion is.")
def read_mask(study_id: str) -> ResponseReturnValue:
    """The mask of the lesion."""
    return _layer(study_id, MASK)


@blueprint.route("/studies/<study_id>/overlay.png")
@blueprint.arguments(schemas.SizeQuery, location="query")
@blueprint.response(200, description="PNG of the picture with the outline of the lesion drawn in.")
def read_overlay(_query: dict[str, Any], study_id: str) -> ResponseReturnValue:
    """The picture with its outline; its longer side has at most 1600 pixels unless `size=full` is asked for."""
    return _layer(study_id, OVERLAY)


def _layer(study_id: str, name: str) -> Response:
    try:
        return layer_answer(images.find(study_id), name, "private, no-cache")
    except MissingPicture as error:
        raise NoPicture from error


@blueprint.route("/clinics")
@blueprint.arguments(schemas.ClinicQuery, location="query")
@blueprint.response(200, schemas.ClinicsSchema)
@blueprint.alt_response(422, schema=schemas.AmbiguousSchema, description="No such place, or several.")
def list_clinics(query: dict[str, Any]) -> ResponseReturnValue:
    """The nearest clinics to a point or a typed place. Call first."""
    place = places.asked(query)
    if place is None:
        raise NoPlace
    nearby = clinics.nearest(place.latitude, place.longitude, place.country, query["limit"], query["beyond"])
    return clinics_json(place, nearby, query.get("unit") or current_app.config["DISTANCE_UNIT"])


@described.get("/openapi.json")
def openapi() -> ResponseReturnValue:
    """This interface as OpenAPI 3.1."""
    return specification.current()


@described.get("/docs")
def docs() -> ResponseReturnValue:
    """This interface as a page."""
    return render_template("api/docs.html", page=specification.page())
