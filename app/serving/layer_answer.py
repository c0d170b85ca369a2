"""A picture layer as an answer, for the result page and for the triage list."""

from __future__ import annotations

from flask import Response, request

from app.reading import layers
from app.tables import Image


def layer_answer(image: Image, name: str, cache_control: str) -> Response:
    """One layer as PNG; nothing is drawn for a browser that has it already.

    Args:
        name: see `layers.render`. cache_control: how long a browser may keep it.

    Raises:
        MissingPicture: no such layer, or its file is gone or damaged.
    """
    response = Response(mimetype="image/png")
    response.set_etag(layers.key(image, name))
    response.headers["Cache-Control"] = cache_control
    response.make_conditional(request)
    if response.status_code == 200:
        response.set_data(layers.render(image, name))
    return response
