"""The way to a clinic that the operator wrote down, for places from which none is near."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from app.clinics import links


@dataclass(frozen=True)
class Referral:
    """What to do, in the operator's words, and whom to call. `phone` and `phone_link` may be ""."""

    text: str
    phone: str
    phone_link: str


def pathway() -> Referral | None:
    """The operator's own way, from REFERRAL_TEXT and REFERRAL_PHONE; None where nothing is written."""
    text, phone = current_app.config["REFERRAL_TEXT"], current_app.config["REFERRAL_PHONE"]
    return Referral(text, phone, links.phone(phone)) if text else None
