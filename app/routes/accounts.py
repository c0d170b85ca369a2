"""Doors for people with a login: log in, log out, first set-up, own password."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from flask_login import current_user

from app import accounts
from app.accounts import AccountError, browsers
from app.accounts.names import folded_name
from app.forms.accounts import LoginForm, OwnPasswordForm, SetupForm
from app.tables.user import REVIEWER
from app.web.extensions import limiter

blueprint = Blueprint("accounts", __name__)


def _logins_per_minute() -> str:
    return f"{current_app.config['LOGINS_PER_MINUTE']} per minute"


def _sender() -> str:
    """Whose failures count together: an address, but a browser in which this user has logged in before counts alone.

    So whoever guesses or mistypes behind a shared address keeps nobody out who has been in from there.
    """
    name = request.form.get("name", "")
    lane = browsers.lane(name)
    return get_remote_address() if lane == folded_name(name) else lane


def _user() -> str:
    return f"user {accounts.user_id()}" if current_user.is_authenticated else get_remote_address()


def _was_wrong(response: Response) -> bool:
    """True where a name and a password were compared and did not belong together."""
    return response.status_code == 401


def _was_unknown(response: Response) -> bool:
    return response.status_code == 404


def _was_refused(response: Response) -> bool:
    return response.status_code != 302


@blueprint.route("/login", methods=["GET", "POST"])
@limiter.limit(_logins_per_minute, methods=["POST"], key_func=_sender, deduct_when=_was_wrong)
def login() -> ResponseReturnValue:
    """Log in and go on to where one wanted to go."""
    form = LoginForm(next=request.args.get("next", ""))
    if current_user.is_authenticated and request.method == "GET":
        return redirect(own_path(form.next.data))
    if not form.validate_on_submit():
        return _login_page(form, 422 if form.is_submitted() else 200)
    try:
        accounts.log_in(form.name.data, form.password.data, browsers.lane(form.name.data))
    except AccountError as refusal:
        return _login_page(form, refusal.status, refusal)
    return browsers.remember(redirect(own_path(form.next.data)), form.name.data)


def _login_page(form: LoginForm, status: int, refusal: AccountError | None = None) -> ResponseReturnValue:
    page = render_template(
        "accounts/login.html", form=form, refusal=refusal, is_new=accounts.is_nobody(), has_ended=accounts.has_ended()
    )
    return page, status, refusal.headers if refusal else {}


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End this login."""
    if current_user.is_authenticated:
        accounts.log_out()
        flash("You are signed out.", "success")
    return redirect(url_for("accounts.login"))


@blueprint.route("/setup/<code>", methods=["GET", "POST"])
@limiter.limit(_logins_per_minute, deduct_when=_was_unknown)
def setup(code: str) -> ResponseReturnValue:
    """Make the first admin, by the link that was printed at the first start."""
    if not accounts.is_setup_code(code):
        abort(404)
    form = SetupForm()
    if not form.validate_on_submit():
        return render_template("accounts/setup.html", form=form), 422 if form.is_submitted() else 200
    try:
        accounts.welcome(accounts.complete_setup(code, form.name.data, form.password.data))
    except AccountError as refusal:
        return render_template("accounts/setup.html", form=form, refusal=refusal), refusal.status
    flash("You are the first admin. The setup link is used up.", "success")
    return redirect(url_for("admin.images"))


@blueprint.route("/account", methods=["GET", "POST"])
@limiter.limit(_logins_per_minute, methods=["POST"], key_func=_user, deduct_when=_was_refused)
@accounts.requires(REVIEWER)
def account() -> ResponseReturnValue:
    """Change one's own password; every other login of this user ends."""
    form = OwnPasswordForm()
    if not form.validate_on_submit():
        return render_template("accounts/account.html", form=form), 422 if form.is_submitted() else 200
    user_id, was_first = accounts.user_id(), current_user.must_change_password
    try:
        accounts.change_own_password(user_id, form.present.data, form.password.data)
    except AccountError as refusal:
        page = render_template("accounts/account.html", form=form, refusal=refusal)
        return page, refusal.status, refusal.headers
    accounts.welcome(user_id)
    flash("Your password is changed. You were signed out everywhere else.", "success")
    return redirect(url_for("admin.images") if was_first else url_for("accounts.account"))


def own_path(text: str | None) -> str:
    """Where to go after login: a path of this server, or the triage list.

    Browsers drop tabs and newlines from addresses and read a backslash as a slash, so `/\\t/evil.com` and `/\\evil.com`
    would leave the server: any such character refuses the text.
    """
    start = url_for("admin.images")
    if not text or not text.startswith("/") or text.startswith("//"):
        return start
    if "\\" in text or any(character <= " " or character == "\x7f" for character in text):
        return start
    return text
