"""Doors that are open to everyone: upload, result, layers of the picture, deletion, clinics, about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import accounts
from app.audit import looks
from app.forms.place import BadPlace, whereabouts
from app.forms.upload import UploadForm, frame_number
from app.inference.manifest import ModelUnusable
from app.pages.about import about_page
from app.pages.nearby import NearbyPage, nearby_page, refused_page
from app.pages.place_field import place_field
from app.pages.result import is_waiting, result_page, waiting_page
from app.pages.upload import SAMPLES, Problem, UploadPage, problem
from app.places.place import Place, coarse
from app.places.places import country_of, postcode_countries
from app.reading import images, intake
from app.reading.intake import Actor, NotKept, Receipt
from app.routes.errors import wants_json
from app.serving import payers, senders, visitors, waiting
from app.serving.layer_answer import layer_answer
from app.tables import Image
from app.tables.image import PAGE, STAFF
from app.web import observability
from app.web.extensions import limiter
from app.workers.services import services
from imaging.errors import RefusedUpload

blueprint = Blueprint("public", __name__)

VISITOR = "visitor"
YEAR_S = 365 * 24 * 3600


def _uploads_per_minute() -> str:
    return f"{current_app.config['UPLOADS_PER_MINUTE']} per minute"


@blueprint.get("/")
def upload() -> ResponseReturnValue:
    """The upload page; results of clips lead here with the number of another frame."""
    form = UploadForm(frame=frame_number(request.args.get("frame", "")))
    return render_template("public/upload.html", form=form, page=_upload_page())


@blueprint.post("/")
@limiter.shared_limit(_uploads_per_minute, scope="uploads")
@senders.invited
def send() -> ResponseReturnValue:
    """Take a picture in and lead to its result."""
    try:
        sent = UploadForm().read(Path(current_app.static_folder or "") / "samples")
        matches = sent.whereabouts.resolution().matches
        place = matches[0] if len(matches) == 1 else None
        with observability.counted_upload():
            receipt = intake.receive(sent.content, _sender(), sent.frame, place)
    except (RefusedUpload, BadPlace, NotKept) as refusal:
        return _refused(refusal)
    return _accepted(receipt, "" if place else sent.whereabouts.text)


@blueprint.get("/r/<image_id>")
def result(image_id: str) -> ResponseReturnValue:
    """The result of a picture, or how far it has come."""
    image = images.find(image_id)
    if is_waiting(image):
        return render_template("public/waiting.html", page=waiting_page(image))
    if accounts.is_staff():
        looks.opened(accounts.actor_name(), image_id)
        image = images.find(image_id)
    page = result_page(image, _manifest(), visitors.is_owner(image.owner))
    nearby, status = _nearby(_stored_place(image))
    name = "result" if page.reading else page.category
    return render_template(f"public/{name}.html", page=page, nearby=nearby), status


@blueprint.get("/r/<image_id>/status")
@limiter.exempt
def status(image_id: str) -> ResponseReturnValue:
    """How far a picture has come, for the script of the waiting page."""
    image = images.find(image_id)
    page = waiting_page(image)
    return {"status": image.status, "step": page.step, "done": page.done, "of": page.of,
            "is_finished": not is_waiting(image)}  # fmt: skip


@blueprint.get("/r/<image_id>/<any(picture, outline, fill, heat, thumbnail):name>.png")
def layer(image_id: str, name: str) -> ResponseReturnValue:
    """One layer of the viewer as PNG; its address carries a version, so a browser may keep it for long."""
    if accounts.is_staff():
        looks.fetched(accounts.actor_name(), images.find(image_id).id, name)
    return layer_answer(images.find(image_id), name, f"private, max-age={YEAR_S}, immutable")


@blueprint.get("/r/<image_id>/delete")
def confirm_delete(image_id: str) -> ResponseReturnValue:
    """Asks once more, and says what is deleted."""
    return render_template("public/delete.html", image=_own(image_id))


@blueprint.post("/r/<image_id>/delete")
def delete(image_id: str) -> ResponseReturnValue:
    """Delete the picture and everything that was made from it."""
    images.delete(_own(image_id).id, VISITOR)
    flash("Your picture and its result are deleted.", "success")
    response = redirect(url_for("public.upload"), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@blueprint.get("/clinics")
def clinics() -> ResponseReturnValue:
    """The clinics nearest to a place."""
    nearby, status = _nearby(None)
    return render_template("public/clinics.html", nearby=nearby), status


@blueprint.get("/about")
def about() -> ResponseReturnValue:
    """What this is, what it is not, what is kept, and how good the networks are."""
    return render_template(
        "public/about.html", page=about_page(_manifest(), postcode_countries()), settings=current_app.config
    )


def _sender() -> Actor:
    """The present browser; one without our cookie also counts for its address, or each picture had a new sender."""
    address = None if visitors.known_owner() else request.remote_addr
    name, source = (accounts.actor_name(), STAFF) if accounts.is_staff() else (VISITOR, PAGE)
    return Actor(visitors.owner(), name, address, payer=payers.of_browser(), source=source)


def _refused(refusal: RefusedUpload | BadPlace | NotKept) -> ResponseReturnValue:
    headers = {"Retry-After": str(refusal.retry_after_s)} if isinstance(refusal, NotKept) else {}
    told = problem(refusal)
    if wants_json():
        body = {"code": told.code, "message": told.sentence, "request_id": observability.request_id()}
        return body | {"field": told.field}, refusal.status, headers
    page = render_template("public/upload.html", form=UploadForm(), page=_upload_page(told))
    return page, refusal.status, headers


def _accepted(receipt: Receipt, unclear_place: str) -> ResponseReturnValue:
    """Lead to the result, which a lone picture has by then; a place that needs a question is asked about there."""
    waiting.until_finished(receipt.image_id, waiting.GLANCE_S)
    address = url_for("public.result", image_id=receipt.image_id, place=unclear_place or None)
    if wants_json():
        return {"address": address}, 201, {"Location": address}
    return redirect(address, 303)


def _upload_page(told: Problem | None = None) -> UploadPage:
    settings = current_app.config
    is_place_sent, days = bool(settings["NOMINATIM_URL"]), settings["RETENTION_DAYS"]
    must_log_in = senders.must_log_in()
    return UploadPage(SAMPLES, settings["MAX_UPLOAD_MB"], place_field(), is_place_sent, days, must_log_in, told)


def _nearby(stored: Place | None) -> tuple[NearbyPage, int]:
    """The clinic list for the address's place fields, and the status to answer with."""
    unit = current_app.config["DISTANCE_UNIT"]
    try:
        return nearby_page(whereabouts(request.args), stored, unit, request.args.get("beyond") == "yes"), 200
    except BadPlace as refusal:
        return refused_page(request.args.get("place", ""), refusal), refusal.status


def _stored_place(image: Image) -> Place | None:
    if image.latitude is None or image.longitude is None:
        return None
    label = image.place or ""
    return coarse(image.latitude, image.longitude, label, country_of(label, image.latitude, image.longitude))


def _own(image_id: str) -> Image:
    """The image, when the present browser sent it.

    Raises:
        UnknownImage: there is none, or another browser sent it; both look the same from outside.
    """
    image = images.find(image_id)
    if not visitors.is_owner(image.owner):
        raise images.UnknownImage("Only the browser that sent a picture can delete it here.")
    return image


def _manifest() -> dict[str, Any]:
    try:
        return services().engine.manifest.raw
    except ModelUnusable:
        return {}
