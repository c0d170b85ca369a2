"""Users and passwords on a real database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app import accounts
from app.accounts import passwords, strength
from app.accounts.slowdown import FREE_TRIES
from app.tables import AuditEvent, LoginSession, User
from app.web.extensions import db
from tests.factories.staff import PASSWORD, SETTINGS, staff


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _actions() -> list[tuple[str, str]]:
    return [(event.actor, event.action) for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_a_new_user_is_kept_in_lower_case_with_a_hash_and_an_audit_event(app: Flask) -> None:
    with app.app_context():
        accounts.create("  Ada.L ", PASSWORD, "reviewer", actor="root")

        user = accounts.by_name("ADA.l")
        assert user is not None
        assert user.name == "ada.l"
        assert PASSWORD not in user.password_hash
        assert passwords.matches(user.password_hash, PASSWORD)
        assert _actions() == [("root", "user.create")]


@pytest.mark.parametrize("name", ["", "a", "1st", "with space", "a/b", "visitor", "API", "system", "x" * 81, "a\nb"])
def test_names_that_could_mislead_the_audit_trail_are_refused(app: Flask, name: str) -> None:
    with app.app_context():
        with pytest.raises(accounts.BadName):
            accounts.create(name, PASSWORD, "reviewer", actor="root")
        assert accounts.is_nobody()
        assert _actions() == []


def test_a_name_is_given_once(app: Flask) -> None:
    with app.app_context():
        accounts.create("ada", PASSWORD, "reviewer", actor="root")
        with pytest.raises(accounts.NameTaken):
            accounts.create("ADA", PASSWORD, "admin", actor="root")


@pytest.mark.parametrize(
    "password",
    ["short", "elevenchars", "a" * 40, "ababababababab", "Grace.Hopper", "grace.hopper1", "x" * 300, "Sonotriage12"],
)
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(accounts.WeakPassword):
        passwords.check(password, "grace.hopper")


@pytest.mark.parametrize("password", [PASSWORD, "correct horse battery", "пароль из слов", "grace.hopper likes tea"])
def test_long_passwords_of_any_script_are_accepted(password: str) -> None:
    passwords.check(password, "grace.hopper")


def test_a_password_is_the_same_however_its_letters_are_composed(app: Flask) -> None:
    with app.app_context():
        kept = passwords.hashed("crème brûlée au lait")
        assert passwords.matches(kept, "cre\u0300me bru\u0302le\u0301e au lait")
        assert not passwords.matches(kept, "creme brulee au lait")


def test_production_keeps_passwords_with_scrypt(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS)
    del app.config["PASSWORD_METHOD"]
    with app.app_context():
        assert passwords.hashed(PASSWORD).startswith("scrypt:")


def test_an_unknown_user_never_matches_even_with_the_stand_in_password(app: Flask) -> None:
    with app.app_context():
        assert not passwords.matches(None, "nobody")


def test_a_new_password_ends_every_login(app: Flask) -> None:
    browser = staff(app, "ada", "admin")
    with app.app_context():
        user = accounts.by_name("ada")
        assert user is not None
        accounts.set_password(user.id, "another quiet lantern", actor="system")

        assert all(row.ended_at for row in db.session.scalars(select(LoginSession)))
    assert browser.get("/account").status_code == 302


def test_the_last_admin_can_neither_be_disabled_nor_demoted(app: Flask) -> None:
    with app.app_context():
        only = accounts.create("ada", PASSWORD, "admin", actor="root")
        for act in (lambda: accounts.disable(only, "ada"), lambda: accounts.set_role(only, "reviewer", "ada")):
            with pytest.raises(accounts.LastAdmin):
                act()
        assert db.session.get_one(User, only).role == "admin"

        accounts.create("grace", PASSWORD, "admin", actor="ada")
        accounts.set_role(only, "reviewer", "grace")
        assert db.session.get_one(User, only).role == "reviewer"


def test_disabling_and_enabling_are_audited_and_unknown_users_refused(app: Flask) -> None:
    with app.app_context():
        user_id = accounts.create("ada", PASSWORD, "reviewer", actor="root")
        accounts.disable(user_id, "root")
        accounts.enable(user_id, "root")

        assert _actions()[1:] == [("root", "user.disable"), ("root", "user.enable")]
        with pytest.raises(accounts.UnknownUser):
            accounts.disable(999, "root")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("123456789012", "similar to a commonly used password"),
        ("hospital2026", "a word that every clinic uses"),
        ("Krankenhaus2026!", "a word that every clinic uses"),
        ("Hopper1906!!", "your name"),
        ("Winter2026!!", "few and common parts"),
        ("asdfghjkl;'\\", "straight rows of keys"),
        ("12.05.1987!!", "dates are often easy to guess"),
    ],
)
def test_a_password_that_is_guessed_early_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(accounts.WeakPassword) as refusal:
        passwords.check(password, "grace.hopper")
    assert why in refusal.value.sentence
    assert refusal.value.sentence.endswith(".")
    assert ". " not in refusal.value.sentence


def test_a_short_part_of_a_name_does_not_spoil_every_password() -> None:
    passwords.check(PASSWORD, "q.e")


def test_only_the_beginning_of_a_long_password_is_judged() -> None:
    """Judging takes seconds at a hundred characters, whoever sends them."""
    assert strength.weakness("a" * strength.JUDGED + PASSWORD, "ada") is not None
    assert strength.weakness(PASSWORD + "a" * 200, "ada") is None


def test_words_of_one_name_do_not_count_for_another() -> None:
    assert strength.weakness("wolperdinger-trio", "wolperdinger") is not None
    assert strength.weakness("wolperdinger-trio", "ada") is None


def test_a_password_that_somebody_else_gave_has_to_be_changed_and_ones_own_not(app: Flask) -> None:
    with app.app_context():
        user_id = accounts.create("ada", PASSWORD, "reviewer", actor="root")
        user = db.session.get_one(User, user_id)
        assert user.must_change_password
        accounts.change_own_password(user_id, PASSWORD, "another quiet lantern")
        assert not db.session.get_one(User, user_id).must_change_password
        accounts.set_password(user_id, "yet another lantern", actor="root")
        assert db.session.get_one(User, user_id).must_change_password


def test_the_present_password_is_no_new_one(app: Flask) -> None:
    with app.app_context():
        user_id = accounts.create("ada", PASSWORD, "reviewer", actor="root")
        with pytest.raises(accounts.SamePassword):
            accounts.change_own_password(user_id, PASSWORD, PASSWORD)
        assert db.session.get_one(User, user_id).must_change_password


def test_the_password_that_is_asked_again_is_slowed_in_a_lane_of_its_own(app: Flask) -> None:
    browser = staff(app, "ada", "admin")
    with app.app_context():
        user = accounts.by_name("ada")
        assert user is not None
        for _ in range(FREE_TRIES):
            with pytest.raises(accounts.WrongPassword):
                accounts.prove(user.id, "not the password")
        with pytest.raises(accounts.TooSoon):
            accounts.prove(user.id, PASSWORD)
        assert _actions()[-1] == ("ada", "password.refuse")
    browser.post("/logout", seen="/account")
    assert browser.log_in("ada").status_code == 302


def test_who_proves_it_is_let_on(app: Flask) -> None:
    with app.app_context():
        user_id = accounts.create("ada", PASSWORD, "admin", actor="root")
        accounts.prove(user_id, PASSWORD)
        with pytest.raises(accounts.UnknownUser):
            accounts.prove(99, PASSWORD)
