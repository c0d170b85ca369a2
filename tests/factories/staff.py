"""Users and seeded images of an application, and a browser that logs in to it."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import accounts, categories
from app.inference.results import Findings, Probabilities, to_json
from app.reading import triage
from app.tables import Analysis, Image, User
from app.tables.image import DECLINED, DONE, FAILED, QUEUED, RUNNING
from app.web.extensions import db
from app.workers.services import services
from imaging import overlay
from imaging.measures.measure import measure
from imaging.phantom import speckle
from imaging.picture import Spacing

PASSWORD = "three quiet lanterns"
# For `make_app`: a cheap password hash, and no limit per address, because all tests come from one.
SETTINGS: dict[str, Any] = {"PASSWORD_METHOD": "pbkdf2:sha256:1", "LOGINS_PER_MINUTE": 10_000}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def add_user(app: Flask, name: str, role: str) -> int:
    """A user with PASSWORD, who chose it: nothing has to be changed first."""
    with app.app_context():
        user_id = accounts.create(name, PASSWORD, role, actor="system")
        db.session.get_one(User, user_id).must_change_password = False
        db.session.commit()
        return user_id


class Browser:
    """A person with a browser: keeps cookies, sends the token of the form it saw last."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, seen: str = "/login", **fields: Any) -> TestResponse:
        """Send a form, with the token found on the page `seen`."""
        return self.client.post(path, data={"csrf_token": self.token(seen), **fields})

    def token(self, path: str) -> str:
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get(path).text)
        assert found, f"no form on {path}"
        return found[1]

    def log_in(self, name: str, password: str = PASSWORD, **fields: Any) -> TestResponse:
        return self.post("/login", name=name, password=password, **fields)


def staff(app: Flask, name: str, role: str) -> Browser:
    """A logged-in browser of a new user."""
    add_user(app, name, role)
    browser = Browser(app)
    assert browser.log_in(name).status_code == 302
    return browser


def add_image(
    hours: float = 0.0, status: str = DONE, malignant: float = 0.8, lesion: str | None = "irregular", seed: int = 1,
    category: str | None = None, **columns: Any,
) -> str:  # fmt: skip
    """An image received `hours` after START, with kept pictures and, when done, one analysis. Commits."""
    pixels = speckle(seed, lesion, 120, 150)
    values: dict[str, Any] = {
        "id": secrets.token_hex(16), "created_at": START + timedelta(hours=hours), "owner": "0" * 64,
        "content_sha256": secrets.token_hex(32), "picture_sha256": services().store.put(pixels), "kind": "png",
        "height": 120, "width": 150, "notices": [], "status": status, "spacing_mm": None,
    }  # fmt: skip
    image = Image(**(values | columns))
    db.session.add(image)
    if status == DONE:
        _finish(image, pixels, malignant, category)
    elif status not in (QUEUED, RUNNING):
        image.category, image.urgency = status, categories.URGENCY[status]
        image.reason_code, image.reason = {
            DECLINED: ("not_ultrasound", "This does not look like a breast ultrasound picture."),
            FAILED: ("analysis_failed", "The analysis failed three times."),
        }[status]
    db.session.commit()
    return image.id


def add_analysis(image: Image, pixels: np.ndarray, malignant: float) -> Analysis:
    """One more reading of an image; the caller commits."""
    mask = np.zeros(pixels.shape, dtype=np.bool_)
    mask[40:80, 50:100] = True
    findings = _findings(pixels, mask, malignant, image.spacing_mm)
    decision = triage.decide(findings, 0.4)
    store = services().store
    analysis = Analysis(
        image_id=image.id, findings=to_json(findings) | {"because": decision.because}, category=decision.category,
        models_version=findings.models_version, provider=findings.provider,
        mask_sha256=store.put(mask.astype(np.uint8) * 255), heat_sha256=store.put(np.full(pixels.shape, 90, np.uint8)),
        thumbnail_sha256=store.put(overlay.outline(pixels, mask)),
    )  # fmt: skip
    image.analyses.append(analysis)
    return analysis


def _finish(image: Image, pixels: np.ndarray, malignant: float, category: str | None) -> None:
    analysis = add_analysis(image, pixels, malignant)
    image.category = category or analysis.category
    image.urgency = categories.URGENCY[image.category]
    image.label = image.label or analysis.findings["label"]
    image.malignant = malignant


def _findings(pixels: np.ndarray, mask: np.ndarray, malignant: float, spacing_mm: float | None) -> Findings:
    probabilities = Probabilities((1 - malignant) * 0.9, malignant, (1 - malignant) * 0.1)
    spacing = Spacing(spacing_mm, "DICOM") if spacing_mm else None
    return Findings(
        mask=mask, heat=None, lesion=measure(pixels, mask, spacing), probabilities=probabilities,
        plausible=(probabilities.label,), out_of_distribution=0.8, out_of_distribution_limit=1.5, heat_in_lesion=0.62,
        milliseconds={"decode": 4.0, "segment": 80.0, "classify": 55.0}, provider="CPU", precision="fp32",
        models={"U-Net": "1.0.0", "EfficientNetB3": "1.0.0"}, models_version="1.0.0",
    )  # fmt: skip
