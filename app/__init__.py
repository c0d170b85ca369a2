"""The web product. `create_app` binds config, extensions, doors and commands; nothing else happens here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from app import assembly, config
from app.accounts import arrival
from app.api import routes as api_routes
from app.commands import register
from app.routes import accounts as account_doors  # not `accounts`: that would hide the package app.accounts
from app.routes import admin, errors, health, public
from app.serving import forwarding, origins, part_heads, security, static_files, whole_bodies
from app.store import database
from app.web import observability
from app.web.extensions import api, csrf, db, limiter, login, migrate

ROOT = Path(__file__).parent.parent


def create_app(**overrides: Any) -> Flask:
    """Build the application.

    Args:
        overrides: settings by name that win over the environment, for tests.

    Raises:
        BadSetting: a setting holds a value that the product cannot start with.
    """
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.from_mapping(config.load(**overrides))
    database.prepare(app)
    security.bind(app)  # before the extensions: what no honest client sends is refused before a body is looked at
    origins.bind(app)
    forwarding.bind(app)
    for extension in (db, login, csrf, limiter, api):
        extension.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    assembly.bind(app)
    observability.bind(app)
    arrival.bind(app)
    static_files.bind(app)
    part_heads.bind(app)
    whole_bodies.bind(app)
    for door in (public, account_doors, admin, health):
        app.register_blueprint(door.blueprint)
    api_routes.bind(api)
    errors.bind(app)
    register.bind(app)
    return app
