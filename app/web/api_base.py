"""The OpenAPI extension as this product uses it: OpenAPI 3.1, our own shape of errors, our own pages."""

from __future__ import annotations

from flask import Blueprint
from flask_smorest import Api
from marshmallow import EXCLUDE, Schema, fields


class ErrorSchema(Schema):
    """Every refusal."""

    class Meta:
        unknown = EXCLUDE

    code = fields.String(required=True, metadata={"description": "Machine name; see the list of error codes."})
    message = fields.String(required=True, metadata={"description": "One sentence fit to be shown to a person."})
    request_id = fields.String(
        required=True, metadata={"description": "Also in the header X-Request-ID and in the server's log."}
    )


class JsonInterface(Api):  # type: ignore[misc]
    """Leaves the handling of errors to `app.routes.errors`, which answers pages and programs alike."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self) -> None:
        super().__init__(
            spec_kwargs={
                "title": "Sonotriage",
                "version": "1",
                "openapi_version": "3.1.0",
                "info": {
                    "description": "Reads breast ultrasound pictures. Research software, not a medical device.",
                    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
                },
                "servers": [{"url": "/"}],
            }
        )

    def register_plain(self, blueprint: Blueprint) -> None:
        """Register doors that the description leaves out."""
        self._app.register_blueprint(blueprint)

    def _register_error_handlers(self) -> None:
        """None: the base class would answer the errors of every page with JSON."""
