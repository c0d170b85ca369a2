"""Doors for those who run the server: users, audit trail, system."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, make_response, redirect, render_template, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from app import accounts
from app.accounts import AccountError
from app.audit import lines, record, trail
from app.forms.admin import AuditForm, PasswordForm, ProvenForm, RoleForm, UserForm
from app.pages.audit import AuditPage
from app.pages.system import SystemPage
from app.store.database import writing
from app.tables.moment import now
from app.tables.user import ADMIN, REVIEWER
from app.upkeep import inventory

blueprint = Blueprint("server", __name__)


@blueprint.route("/users", methods=["GET", "POST"])
@accounts.requires(ADMIN)
def users() -> ResponseReturnValue:
    """Everyone who may log in; a new user."""
    form = UserForm()
    if not form.validate_on_submit():
        return _users_page(form, 422 if form.is_submitted() else 200)
    try:
        accounts.prove(accounts.user_id(), form.own_password.data)
        accounts.create(form.name.data, form.password.data, form.role.data, accounts.actor_name())
    except AccountError as refusal:
        return _refused(form, refusal)
    flash(f"{form.name.data} can sign in now, and is asked for a password of their own first.", "success")
    return redirect(url_for("admin.server.users"))


@blueprint.post("/users/<int:user_id>/role")
@accounts.requires(ADMIN)
def role(user_id: int) -> ResponseReturnValue:
    """Give a user another role."""
    form = RoleForm()
    return _changed(form, lambda actor: accounts.set_role(user_id, str(form.role.data), actor), "The role is changed.")


@blueprint.post("/users/<int:user_id>/disable")
@accounts.requires(ADMIN)
def disable(user_id: int) -> ResponseReturnValue:
    """Keep a user out."""
    message = "The user is disabled and signed out."
    return _changed(ProvenForm(), lambda actor: accounts.disable(user_id, actor), message)


@blueprint.post("/users/<int:user_id>/enable")
@accounts.requires(ADMIN)
def enable(user_id: int) -> ResponseReturnValue:
    """Let a user in again."""
    return _changed(ProvenForm(), lambda actor: accounts.enable(user_id, actor), "The user can sign in again.")


@blueprint.post("/users/<int:user_id>/password")
@accounts.requires(ADMIN)
def password(user_id: int) -> ResponseReturnValue:
    """Give a user a new password."""
    form = PasswordForm()
    return _changed(
        form,
        lambda actor: accounts.set_password(user_id, str(form.password.data), actor),
        "The password is changed, all logins of it ended. At the next one it has to be changed again.",
    )


@blueprint.get("/audit")
@accounts.requires(ADMIN)
def audit() -> ResponseReturnValue:
    """The audit trail."""
    form = AuditForm.asked()
    form.validate()
    page = AuditPage.of(trail.page_of(form.wanted(), form.number), form.query())
    return render_template("admin/audit.html", form=form, page=page, actions=trail.ACTIONS)


@blueprint.get("/audit.jsonl")
@accounts.requires(ADMIN)
def audit_lines() -> ResponseReturnValue:
    """The whole audit trail as JSON lines."""
    with writing():
        record(accounts.actor_name(), "audit.export")
    return Response(
        stream_with_context(f"{line}\n" for line in lines.since(0)),
        content_type="application/jsonl; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="sonotriage-audit-{now():%Y-%m-%d}.jsonl"'},
    )


@blueprint.get("/system")
@accounts.requires(REVIEWER)
def system() -> ResponseReturnValue:
    """How the server is."""
    return render_template("admin/system.html", page=SystemPage.of(inventory.take()))


def _changed(form: ProvenForm, change: Callable[[str], None], message: str) -> ResponseReturnValue:
    """Change a user, once the admin has typed the own password again."""
    if not form.validate():
        sentences = (str(sentence) for sentences in form.errors.values() for sentence in sentences)
        return _users_page(UserForm(formdata=None), 422, tuple(sentences))
    try:
        accounts.prove(accounts.user_id(), str(form.own_password.data))
        change(accounts.actor_name())
    except AccountError as refusal:
        return _refused(UserForm(formdata=None), refusal)
    flash(message, "success")
    return redirect(url_for("admin.server.users"))


def _refused(form: UserForm, refusal: AccountError) -> ResponseReturnValue:
    answer = make_response(_users_page(form, refusal.status, (refusal.sentence,)))
    answer.headers.update(refusal.headers)
    return answer


def _users_page(form: UserForm, status: int = 200, also: tuple[str, ...] = ()) -> ResponseReturnValue:
    page = render_template(
        "admin/users.html", form=form, users=accounts.everyone(), own_id=accounts.user_id(), also=also
    )
    return page, status
