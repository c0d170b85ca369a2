"""What a form says of a field that can't be taken: a sentence for people that carries a code for programs."""

from __future__ import annotations

from typing import Self

from wtforms import Form


class Fault(str):
    """A validator's message, fit to be shown; `code` is what the JSON answer names it by."""

    code: str

    def __new__(cls, code: str, sentence: str) -> Self:
        made = super().__new__(cls, sentence)
        made.code = code
        return made


def first_fault(form: Form) -> Fault | None:
    """The first fault of a validated form, in the order of its fields; None when there is none."""
    for messages in form.errors.values():
        for message in messages:
            if isinstance(message, Fault):
                return message
    return None
