"""What may come in at login, first set-up and account."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from app.accounts.passwords import LONGEST

_NAME_RULES = (InputRequired("Enter your login name."), Length(max=80, message="That login name is too long."))


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password; `next` is where to go afterwards."""

    name = StringField("Login name", _NAME_RULES)
    password = PasswordField(
        "Password", (InputRequired("Enter your password."), Length(max=LONGEST, message="That password is too long."))
    )
    next = HiddenField()


class NewPassword(FlaskForm):  # type: ignore[misc]
    """A password, typed twice. Its strength is judged by `accounts.passwords`."""

    password = PasswordField("New password", (InputRequired("Enter a password."),))
    again = PasswordField(
        "The same password again", (EqualTo("password", "The two passwords differ. Type the same one twice."),)
    )


class SetupForm(NewPassword):
    """The first admin."""

    name = StringField("Login name", _NAME_RULES)


class OwnPasswordForm(NewPassword):
    """A new password for oneself, knowing the present one."""

    present = PasswordField("Present password", (InputRequired("Enter your present password."),))
