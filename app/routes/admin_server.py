"""Doors for those who run the server: users, audit trail, system."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import accounts
from app.accounts import AccountError
from app.audit import trail
from app.forms.admin import AuditForm, PasswordForm, RoleForm, UserForm
from app.pages.system import SystemPage
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
        accounts.create(form.name.data, form.password.data, form.role.data, accounts.actor_name())
    except AccountError as refusal:
        return _users_page(form, refusal.status, (refusal.sentence,))
    flash(f"{form.name.data} can log in now.", "success")
    return redirect(url_for("admin.server.users"))


@blueprint.post("/users/<int:user_id>/role")
@accounts.requires(ADMIN)
def role(user_id: int) -> ResponseReturnValue:
    """Give a user another role."""
    form = RoleForm()
    if not form.validate():
        return _users_page(UserForm(formdata=None), 422, ("There is no such role.",))
    wanted = str(form.role.data)
    return _changed(lambda actor: accounts.set_role(user_id, wanted, actor), "The role is changed.")


@blueprint.post("/users/<int:user_id>/disable")
@accounts.requires(ADMIN)
def disable(user_id: int) -> ResponseReturnValue:
    """Keep a user out."""
    return _changed(lambda actor: accounts.disable(user_id, actor), "The user is disabled and signed out.")


@blueprint.post("/users/<int:user_id>/enable")
@accounts.requires(ADMIN)
def enable(user_id: int) -> ResponseReturnValue:
    """Let a user in again."""
    return _changed(lambda actor: accounts.enable(user_id, actor), "The user can log in again.")


@blueprint.post("/users/<int:user_id>/password")
@accounts.requires(ADMIN)
def password(user_id: int) -> ResponseReturnValue:
    """Give a user a new password."""
    form = PasswordForm()
    if not form.validate():
        return _users_page(UserForm(formdata=None), 422, ("Enter the new password.",))
    new = str(form.password.data)
    return _changed(
        lambda actor: accounts.set_password(user_id, new, actor), "The password is changed. All logins of it ended."
    )


@blueprint.get("/audit")
@accounts.requires(ADMIN)
def audit() -> ResponseReturnValue:
    """The audit trail."""
    form = AuditForm.asked()
    form.validate()
    page = trail.page_of(form.read("actor"), form.read("action"), form.read("ref"), form.number)
    return render_template("admin/audit.html", form=form, page=page, actions=trail.ACTIONS)


@blueprint.get("/system")
@accounts.requires(REVIEWER)
def system() -> ResponseReturnValue:
    """How the server is."""
    return render_template("admin/system.html", page=SystemPage.of(inventory.take()))


def _changed(change: Callable[[str], None], message: str) -> ResponseReturnValue:
    try:
        change(accounts.actor_name())
    except AccountError as refusal:
        return _users_page(UserForm(formdata=None), refusal.status, (refusal.sentence,))
    flash(message, "success")
    return redirect(url_for("admin.server.users"))


def _users_page(form: UserForm, status: int = 200, also: tuple[str, ...] = ()) -> ResponseReturnValue:
    page = render_template(
        "admin/users.html", form=form, users=accounts.everyone(), own_id=accounts.user_id(), also=also
    )
    return page, status
