"""The operator's own way to a clinic, and how old a fact is."""

from datetime import date

import pytest

from app import config
from app.clinics import referral
from app.clinics.facts import age_days
from app.config import BadSetting


def test_nothing_is_said_where_nothing_is_written(clinic_app):
    assert referral.pathway() is None


def test_text_and_phone_of_the_settings_become_a_way_with_a_link(clinic_app):
    clinic_app.config |= {"REFERRAL_TEXT": "Go to the health centre.", "REFERRAL_PHONE": "+254 20 555 0101"}
    way = referral.pathway()
    assert (way.text, way.phone, way.phone_link) == (
        "Go to the health centre.", "+254 20 555 0101", "tel:+254205550101",
    )  # fmt: skip


def test_the_phone_may_be_left_out(clinic_app):
    clinic_app.config["REFERRAL_TEXT"] = "Go to the health centre."
    assert (referral.pathway().phone, referral.pathway().phone_link) == ("", "")


@pytest.mark.parametrize(
    "environment",
    [
        {"REFERRAL_PHONE": "+254 20 555 0101"},
        {"REFERRAL_TEXT": "Go.", "REFERRAL_PHONE": "call us"},
        {"REFERRAL_TEXT": "Go.", "REFERRAL_PHONE": "javascript:alert(1)"},
        {"REFERRAL_TEXT": "Go.", "REFERRAL_PHONE": "123"},
        {"REFERRAL_TEXT": "Go.", "REFERRAL_PHONE": "1234567890123456"},
        {"REFERRAL_TEXT": "x" * 601},
        {"REFERRAL_TEXT": "two\nlines"},
    ],
)
def test_what_can_be_no_way_stops_the_start(environment):
    with pytest.raises(BadSetting, match="REFERRAL_"):
        config.load(environment)


def test_an_extension_is_part_of_a_number():
    assert config.load({"REFERRAL_TEXT": "Go.", "REFERRAL_PHONE": "(020) 555-0101 ext. 7"})["REFERRAL_PHONE"]


@pytest.mark.parametrize(
    ("checked_on", "days"), [("2020-01-01", 2523), ("2026-11-28", 0), ("2027-01-01", 0), ("", None), ("2020", None)]
)
def test_the_age_of_a_fact_is_counted_in_days(checked_on, days):
    assert age_days(checked_on, date(2026, 11, 28)) == days
