"""Doors for reviewers and admins: the triage list, one image, its pictures, the export."""

from __future__ import annotations

from datetime import datetime

from flask import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue

from app import accounts
from app.audit import looks, trail
from app.forms.admin import BulkDeleteForm, DeleteForm, FilterForm, VerdictForm, selected_ids
from app.pages.admin import ListPage, in_words
from app.pages.admin_delete import DeletePage
from app.pages.admin_image import ImagePage
from app.reading import analysis, images
from app.reports import table_csv
from app.review import bulk_deletion, triage_list, verdicts
from app.review.bulk_deletion import OtherCount
from app.review.verdicts import RefusedVerdict
from app.routes import admin_server
from app.serving.layer_answer import layer_answer
from app.tables.moment import now
from app.tables.user import ADMIN, REVIEWER
from app.web.extensions import db

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
blueprint.register_blueprint(admin_server.blueprint)


@blueprint.get("/", endpoint="images")
@accounts.requires(REVIEWER)
def triage_page() -> ResponseReturnValue:
    """The triage list, narrowed and ordered by the address."""
    form = FilterForm.asked()
    form.validate()
    filters = form.filters()
    page = triage_list.page_of(filters, form.number)
    shown = ListPage.of(page, form.query(), triage_list.open_counts(), filters.is_narrowing, now())
    looks.listed(accounts.actor_name(), [entry.image_id for entry in shown.entries], form.query(), form.number)
    return render_template("admin/list.html", form=form, page=shown)


@blueprint.get("/images/<image_id>")
@accounts.requires(REVIEWER)
def image(image_id: str) -> ResponseReturnValue:
    """One image."""
    return _image_page(image_id, VerdictForm())


def _image_page(image_id: str, form: VerdictForm, status: int = 200, also: tuple[str, ...] = ()) -> ResponseReturnValue:
    looks.opened(accounts.actor_name(), images.find(image_id).id)
    page = ImagePage.of(images.find(image_id), trail.of_image(image_id), triage_list.next_open(image_id))
    return render_template("admin/image.html", page=page, form=form, delete=DeleteForm(), also=also), status


@blueprint.post("/images/<image_id>/review")
@accounts.requires(REVIEWER)
def review(image_id: str) -> ResponseReturnValue:
    """Record a verdict."""
    form = VerdictForm()
    if not form.validate():
        return _image_page(image_id, form, 422)
    try:
        verdicts.record(image_id, accounts.user_id(), accounts.actor_name(), form.to_verdict())
    except RefusedVerdict as refusal:
        return _image_page(image_id, form, refusal.status, (refusal.sentence,))
    flash("Your verdict is recorded.", "success")
    return redirect(url_for("admin.image", image_id=image_id))


@blueprint.post("/images/<image_id>/rerun")
@accounts.requires(REVIEWER)
def rerun(image_id: str) -> ResponseReturnValue:
    """Have an image read again; the earlier answers stay."""
    images.find(image_id)
    analysis.rerun(image_id, accounts.actor_name())
    flash("The picture is being read again. The earlier answers stay.", "success")
    return redirect(url_for("admin.image", image_id=image_id))


@blueprint.post("/images/<image_id>/delete")
@accounts.requires(ADMIN)
def delete(image_id: str) -> ResponseReturnValue:
    """Delete an image for good."""
    found = images.find(image_id)
    if not DeleteForm().validate():
        return _image_page(image_id, VerdictForm(formdata=None), 422, ("Tick the box to delete this image.",))
    reference = found.reference
    images.delete(image_id, accounts.actor_name())
    flash(f"Image {reference} is deleted.", "success")
    return redirect(url_for("admin.images"))


@blueprint.get("/delete")
@accounts.requires(ADMIN)
def preview_deletion() -> ResponseReturnValue:
    """Shows how many images the filters leave, and which, before they are deleted."""
    return _deletion_page(BulkDeleteForm(formdata=None), now())


@blueprint.post("/delete")
@accounts.requires(ADMIN)
def delete_many() -> ResponseReturnValue:
    """Delete the images that the filters leave, after their number was typed."""
    form = BulkDeleteForm()
    if not form.validate():
        return _deletion_page(form, now(), 422)
    asked, before = FilterForm.asked(), form.moment(now())
    if not asked.validate():
        return _deletion_page(form, before, 422)
    named = {name: value for name, value in asked.query().items() if name not in ("ref", "sort")}
    try:
        turn = bulk_deletion.delete(asked.filters(), before, form.count, accounts.actor_name(), named)
    except OtherCount:
        return _deletion_page(form, before, 409, ("That is not their number. Nothing was deleted.",))
    if turn.left:
        return _deletion_page(BulkDeleteForm(formdata=None), before, deleted=turn.deleted)
    flash(f"{in_words(turn.deleted)} deleted.", "success")
    return redirect(url_for("admin.images"))


def _deletion_page(
    form: BulkDeleteForm, before: datetime, status: int = 200, also: tuple[str, ...] = (), deleted: int = 0
) -> ResponseReturnValue:
    asked = FilterForm.asked()
    is_understood, filters = asked.validate(), asked.filters()
    kinds = bulk_deletion.kinds_of(filters, before)
    page = DeletePage.of(kinds, asked.query(), before, filters.is_narrowing, deleted)
    return render_template(
        "admin/delete.html", form=form, page=page, also=also, filters=asked, is_understood=is_understood
    ), status


@blueprint.get("/images/<image_id>/<any(picture, outline, fill, heat, thumbnail):name>.png")
@accounts.requires(REVIEWER)
def layer(image_id: str, name: str) -> ResponseReturnValue:
    """One picture layer; the browser keeps it, and asks whether it is still right."""
    looks.fetched(accounts.actor_name(), images.find(image_id).id, name)
    return layer_answer(images.find(image_id), name, "private, no-cache")


@blueprint.get("/export.csv")
@accounts.requires(REVIEWER)
def export() -> ResponseReturnValue:
    """The narrowed list, or the ticked images, as CSV."""
    form = FilterForm.asked()
    form.validate()
    image_ids = selected_ids() or list(db.session.scalars(triage_list.ids_of(form.filters())))
    looks.exported(accounts.actor_name(), image_ids, form.query())
    name = f"sonotriage-{now():%Y-%m-%d}.csv"
    return Response(
        stream_with_context(table_csv.stream(image_ids)),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
