"""The setup link and the commands that make the first admin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app import accounts
from tests.factories.staff import PASSWORD, SETTINGS


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(**SETTINGS)


def _code(app: Flask) -> str:
    with app.app_context():
        return accounts.setup_link().removeprefix("/setup/")


def test_the_setup_code_is_long_random_and_kept_only_as_a_hash(app: Flask) -> None:
    code = _code(app)

    kept = app.config["DATA_DIR"] / "setup_code"
    assert len(code) >= 32
    assert code not in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    assert _code(app) != code


def test_a_newer_code_kills_the_older_one(app: Flask) -> None:
    older, newer = _code(app), _code(app)
    with app.app_context():
        assert not accounts.is_setup_code(older)
        assert accounts.is_setup_code(newer)
        assert not accounts.is_setup_code("")


def test_a_code_makes_one_admin_and_is_dead(app: Flask) -> None:
    code = _code(app)
    with app.app_context():
        accounts.complete_setup(code, "ada", PASSWORD)

        user = accounts.by_name("ada")
        assert user is not None
        assert user.role == "admin"
        assert not (app.config["DATA_DIR"] / "setup_code").exists()
        with pytest.raises(accounts.SetupOver):
            accounts.complete_setup(code, "eve", PASSWORD)
        with pytest.raises(accounts.SetupOver):
            accounts.setup_link()


def test_a_refused_password_leaves_the_code_alive(app: Flask) -> None:
    code = _code(app)
    with app.app_context():
        with pytest.raises(accounts.WeakPassword):
            accounts.complete_setup(code, "ada", "short")
        assert accounts.is_setup_code(code)


def test_the_link_is_announced_only_while_nobody_exists(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    with app.app_context():
        accounts.announce_setup()
        assert "http://localhost:8000/setup/" in capsys.readouterr().out
        accounts.create("ada", PASSWORD, "admin", actor="system")
        accounts.announce_setup()
        assert capsys.readouterr().out == ""


def test_create_admin_reads_the_password_from_the_standard_input(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["create-admin", "Ada"], input=f"{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    with app.app_context():
        user = accounts.by_name("ada")
        assert user is not None
        assert user.role == "admin"


def test_commands_say_why_they_refuse(app: Flask) -> None:
    runner = app.test_cli_runner()
    weak = runner.invoke(args=["create-admin", "ada"], input="short\n")
    unknown = runner.invoke(args=["set-password", "nobody"], input=f"{PASSWORD}\n")

    assert (weak.exit_code, unknown.exit_code) == (1, 1)
    assert "at least 12 characters" in weak.output
    assert "no such user" in unknown.output


def test_commands_on_an_empty_database_say_what_to_run(make_app: Callable[..., Flask]) -> None:
    app = make_app(**SETTINGS)
    with app.app_context():
        from app.web.extensions import db

        db.drop_all()
    result = app.test_cli_runner().invoke(args=["create-admin", "ada"], input=f"{PASSWORD}\n")

    assert result.exit_code == 1
    assert "prepare" in result.output


def test_set_password_and_setup_link_work_from_the_command_line(app: Flask) -> None:
    runner = app.test_cli_runner()
    assert "/setup/" in runner.invoke(args=["setup-link"]).output
    runner.invoke(args=["create-admin", "ada"], input=f"{PASSWORD}\n")
    changed = runner.invoke(args=["set-password", "ada"], input="another quiet lantern\n")

    assert changed.exit_code == 0
    assert runner.invoke(args=["setup-link"]).exit_code == 1
