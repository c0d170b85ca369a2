"""What may come in at the triage list, one image, the users and the audit trail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from flask import request
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, Optional, StopValidation, ValidationError

from app.accounts.passwords import LONGEST
from app.accounts.users import ROLES
from app.audit.trail import EVERYTHING, KINDS, LOOKS_ALONE, Wanted
from app.categories import CATEGORIES
from app.inference.results import LABELS
from app.review.triage_list import SORTS, STATUSES, WORK, Filters
from app.review.verdicts import LONGEST_NOTE, Verdict
from app.tables.image import SOURCES, reference_prefix
from app.tables.review import AGREE, DISAGREE
from app.tables.user import REVIEWER

LAST_PAGE = 1_000_000
NONE_OF_THEM = "none"
_CATEGORIES = {
    "prompt": "Soon",
    "unsure": "Can't tell",
    "routine": "Routine",
    "clear": "No lesion found",
    "declined": "Not usable",
    "failed": "Failed",
}
_STATUSES = {
    "done": "Read",
    "declined": "Not usable",
    "failed": "Failed",
    "queued": "Waiting",
    "running": "Being read",
}
_SOURCES = {
    "page": "Page, by anybody",
    "staff": "Page, signed in",
    "api": "Program",
    "unknown": "Not recorded",
}
_SORTS = {
    "urgency": "Most urgent first",
    "newest": "Newest first",
    "probability": "Highest malignant probability first",
}
_REVIEWED = {"no": "Not reviewed", "yes": "Reviewed"}
_LABELS = {label: label for label in LABELS}
_KINDS = {
    "": "All but looks",
    LOOKS_ALONE: "Who looked at what",
    "images": "Images and exports",
    "logins": "Logins",
    "users": "Users",
    "server": "Clinics, networks, this trail",
    EVERYTHING: "Everything",
}
assert set(_KINDS) == {"", LOOKS_ALONE, EVERYTHING, *KINDS}
assert set(_CATEGORIES) == set(CATEGORIES)
assert set(_STATUSES) == set(STATUSES)
assert set(_SOURCES) == set(SOURCES)
assert set(_SORTS) == set(SORTS)


def choices(names: Mapping[str, str], everything: str | None = None) -> list[SelectChoice]:
    """Choices of a field by value; `everything` names the empty one that leaves a filter out."""
    empty = [SelectChoice("", everything)] if everything is not None else []
    return empty + [SelectChoice(value, name) for value, name in names.items()]


class AddressForm(FlaskForm):  # type: ignore[misc]
    """A form that lives in the address: it only narrows what is shown, so it needs no token."""

    class Meta:
        csrf = False

    page = IntegerField("Page", (Optional(), NumberRange(1, LAST_PAGE, "There is no such page.")))

    @classmethod
    def asked(cls) -> Self:
        """The form as the address fills it."""
        return cls(formdata=request.args)

    def read(self, name: str) -> Any:
        """A field's value; None when it is empty or could not be understood."""
        field = self[name]
        return None if field.errors or field.data in ("", None) else field.data

    def query(self) -> dict[str, str]:
        """The fields as they stand in the address, without the page and without what could not be understood."""
        given = (name for name in self._fields if name != "page" and self.read(name) is not None)
        return {name: request.args[name] for name in given if request.args.get(name)}

    @property
    def number(self) -> int:
        """The page, counted from 1."""
        return self.read("page") or 1


class FilterForm(AddressForm):
    """Filters, order and page of the triage list."""

    ref = StringField("Reference", (Optional(), Length(max=300)))
    category = SelectField("Result", (Optional(),), choices=choices(_CATEGORIES, "All results"))
    label = SelectField("Class", (Optional(),), choices=choices(_LABELS, "All classes"))
    status = SelectField("Status", (Optional(),), choices=choices(_STATUSES, "All"))
    reviewed = SelectField("Reviewed", (Optional(),), choices=choices(_REVIEWED, "All"))
    source = SelectField("Sent by", (Optional(),), choices=choices(_SOURCES, "All"))
    since = DateField("Received from", (Optional(),))
    until = DateField("Received until", (Optional(),))
    sort = SelectField("Order", (Optional(),), choices=choices(_SORTS), default=WORK)

    def validate_ref(self, field: Field) -> None:
        if field.data and reference_prefix(field.data) is None:
            raise ValidationError("A reference has only the digits 0 to 9 and the letters A to F.")

    def filters(self) -> Filters:
        """What the list is narrowed to; a field that could not be understood is left out."""
        return Filters(
            label=self.read("label"),
            category=self.read("category"),
            status=self.read("status"),
            is_reviewed={"yes": True, "no": False}.get(self.read("reviewed") or ""),
            source=self.read("source"),
            since=self.read("since"),
            until=self.read("until"),
            reference=self.read("ref") or "",
            sort=self.read("sort") or WORK,
        )


class AuditForm(AddressForm):
    """Filters and page of the audit trail."""

    kind = SelectField("Kind", (Optional(),), choices=choices(_KINDS))
    actor = StringField("Who", (Optional(), Length(max=80)))
    action = StringField("What", (Optional(), Length(max=48)))
    ref = StringField("Reference", (Optional(), Length(max=300)))

    def wanted(self) -> Wanted:
        """What the trail is narrowed to; a field that could not be understood is left out."""
        return Wanted(self.read("actor"), self.read("action"), self.read("ref"), self.read("kind"))


def _needed_to_disagree(form: FlaskForm, field: Field) -> None:
    if form.verdict.data == DISAGREE and not field.data:
        raise StopValidation("Choose the right class.")


class VerdictForm(FlaskForm):  # type: ignore[misc]
    """A verdict: agree, or disagree with the right class."""

    verdict = RadioField(
        "Verdict",
        (InputRequired("Choose agree or disagree."),),
        choices=choices({AGREE: "Agree", DISAGREE: "Disagree"}),
    )
    label = RadioField(
        "Right class",
        (_needed_to_disagree, Optional()),
        choices=choices(_LABELS | {NONE_OF_THEM: "none of them"}),
    )
    note = TextAreaField(
        "Note", (Optional(), Length(max=LONGEST_NOTE, message=f"A note has at most {LONGEST_NOTE} characters."))
    )
    analysis_id = IntegerField("Analysis", (Optional(),))

    def to_verdict(self) -> Verdict:
        is_agreeing = self.verdict.data == AGREE
        label = None if is_agreeing or self.label.data in (NONE_OF_THEM, "", None) else str(self.label.data)
        return Verdict(str(self.verdict.data), label, str(self.note.data or ""), self.analysis_id.data)


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """Deleting asks for a second, deliberate act."""

    confirm = BooleanField("Yes, delete it for good", (InputRequired("Tick the box to delete."),))


class ProvenForm(FlaskForm):  # type: ignore[misc]
    """An act that asks for one's own password again."""

    own_password = PasswordField(
        "Your own password",
        (
            InputRequired("Enter your own password as well."),
            Length(max=LONGEST, message="Your own password is wrong. Nothing was changed."),
        ),
    )


class BulkDeleteForm(FlaskForm):  # type: ignore[misc]
    """Deleting many asks for their number; `before` is the moment of the preview."""

    number = StringField("How many", (InputRequired("Type the number of images to delete."), Length(max=20)))
    before = HiddenField(validators=(InputRequired(),))

    @property
    def count(self) -> int:
        """The number as it was typed, with or without spaces between the thousands; -1 for anything else."""
        digits = re.sub(r"[\s,.]", "", str(self.number.data or ""))
        return int(digits) if digits.isascii() and digits.isdigit() else -1

    def moment(self, present: datetime) -> datetime:
        """The moment of the preview; the present one when there was none that can be read."""
        try:
            found = datetime.fromisoformat(str(self.before.data or "")).astimezone(UTC)
        except (ValueError, OverflowError):
            return present
        return min(found, present)


class UserForm(ProvenForm):
    """A new user."""

    name = StringField(
        "Login name", (InputRequired("Enter a login name."), Length(max=80, message="That login name is too long."))
    )
    role = SelectField("Role", choices=choices({"reviewer": "Reviewer", "admin": "Admin"}), default=REVIEWER)
    password = PasswordField("First password", (InputRequired("Enter a password."),))


class RoleForm(ProvenForm):
    """Another role for a user."""

    role = StringField("Role", (AnyOf(ROLES, "There is no such role."),))


class PasswordForm(ProvenForm):
    """A new password for somebody else."""

    password = PasswordField("New password", (InputRequired("Enter the new password."),))


def selected_ids() -> list[str]:
    """The ids that were ticked in the list; texts that are no ids are left out."""
    return [text for text in request.args.getlist("id") if re.fullmatch(r"[0-9a-f]{32}", text)]
