"""A picture layer as an answer, for the result page, the triage list and programs."""

from __future__ import annotations

from flask import Response, request

from app.reading import layers
from app.tables import Image

FULL = "full"  # ?size=full asks for the picture's own size


def layer_answer(image: Image, name: str, cache_control: str) -> Response:
    """One layer as PNG; nothing is read or drawn for a browser that has it already.

    Args:
        name: see `layers.drawing`. cache_control: how long a browser may keep it.

    Raises:
        MissingPicture: no such layer, or its file is gone or damaged.
        DrawingBusy: too many wait for theirs.
    """
    wanted = layers.drawing(image, name, is_full=request.args.get("size") == FULL)
    response = Response(mimetype="image/png")
    response.set_etag(wanted.tag)
    response.headers["Cache-Control"] = cache_control
    response.make_conditional(request)
    if response.status_code == 200:
        response.set_data(layers.png(wanted))
    return response
