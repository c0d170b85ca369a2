"""Style sheets and scripts are fetched once per version, and compressed for whoever can read that."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

STATIC = Path(__file__).parents[4] / "static"


def fetched(client: FlaskClient, address: str, **headers: str) -> TestResponse:
    """The answer, read to its end: until then the file stays open."""
    return client.get(address, headers=headers, buffered=True)


def addresses(client: FlaskClient) -> list[str]:
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").text)


def test_a_page_names_the_version_of_each_file_and_that_is_kept_for_a_year(client: FlaskClient) -> None:
    found = addresses(client)
    assert found
    assert all(re.search(r"\?v=[0-9a-f]{12}$", address) for address in found)
    for address in found:
        answer = fetched(client, address)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_without_a_version_the_browser_asks_again(client: FlaskClient) -> None:
    assert "immutable" not in fetched(client, "/static/css/base.css").headers["Cache-Control"]


def test_style_sheets_are_compressed_for_those_who_read_that(client: FlaskClient) -> None:
    whole = fetched(client, "/static/css/base.css")
    small = fetched(client, "/static/css/base.css", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in whole.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert all("Accept-Encoding" in answer.headers["Vary"] for answer in (whole, small))
    assert gzip.decompress(small.data) == whole.data == (STATIC / "css/base.css").read_bytes()
    assert small.headers["ETag"] != whole.headers["ETag"]


def test_pictures_and_pages_are_not_compressed_again(client: FlaskClient) -> None:
    asked = {"Accept-Encoding": "gzip"}
    assert "Content-Encoding" not in client.get("/", headers=asked).headers
    assert "Content-Encoding" not in fetched(client, "/static/samples/synthetic-no-lesion.png", **asked).headers
