"""Names, numbers, dates and identifiers of a DICOM file: after the upload they are nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.exam.marks import exam
from tests.exam.senders.browser_client import Browser
from tests.exam.senders.patient import Patient, patient
from tests.exam.twins import finished
from tests.factories.networks import write_tiny_networks
from tests.factories.server import Server

PAGES = (
    "/r/{id}", "/r/{id}/status", "/r/{id}/picture.png", "/r/{id}/outline.png", "/r/{id}/heat.png",
    "/r/{id}/thumbnail.png", "/api/v1/studies/{id}", "/api/v1/studies/{id}/mask.png",
    "/api/v1/studies/{id}/overlay.png", "/admin/", "/admin/images/{id}", "/admin/export.csv", "/admin/audit",
    "/admin/system", "/metrics",
)  # fmt: skip
FILE_NAME = "QXKNAME^JANE 19130907.dcm"
REFUSED = {
    "of another modality": {"Modality": "CT"},
    "of an odd modality": {"Modality": "QXKMODALITY"},
    "of an odd encoding": {"PhotometricInterpretation": "QXKINTERPRET"},
    "without pixels": {"PixelData": None},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of everything that the server writes: data, log, temporary files."""
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def server(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    (place / "temporary").mkdir()
    models = write_tiny_networks(tmp_path_factory.mktemp("models"))
    running = Server(place / "data", models, TMPDIR=str(place / "temporary"), LOG_LEVEL="DEBUG").start()
    yield running
    running.stop()


@exam(
    "B47",
    given="DICOM with a name, number or date in 60 attributes, private groups, nested items, UIDs and the preamble",
    expected="Read; none of it in the database, the files, the logs, any page, the CSV or the JSON",
)
def test_nothing_of_the_patient_is_kept_or_shown(
    server: Server, place: Path, chief: Browser, seen: Callable[[str], None]
) -> None:
    jane = patient()
    image = finished(server, jane.content, FILE_NAME)
    assert image["picture"]["kind"] == "dicom"
    shown, files = [*sent_by_browser(server, jane), *answers(chief, image["id"])], kept(place)
    assert {name: words for name, words in searched([*files, *shown], jane) if words} == {}
    assert any(image["id"].encode() in content for _, content in files), "the search does not reach what is kept"
    assert any(image["id"][:8].encode() in content for _, content in shown), "the search does not reach what is shown"
    seen(f"{len(jane.canaries)} canaries, {len(files)} files and {len(shown)} answers searched: none found")


@exam(
    "B47",
    given="The same file, spoiled so that it is refused",
    expected="Refused; nothing of the patient in the sentence or in the logs",
)
@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_tells_nothing_of_the_patient(
    server: Server, place: Path, seen: Callable[[str], None], name: str
) -> None:
    jane = patient(**REFUSED[name])
    status, answer = server.upload(jane.content, FILE_NAME)
    cut, cut_answer = server.upload(jane.content[: len(jane.content) // 2], FILE_NAME)
    assert status in (413, 415, 422)
    assert cut in (413, 415, 422)
    spoken = [("JSON", json.dumps(one).encode()) for one in (answer, cut_answer)]
    spoken += sent_by_browser(server, jane)
    assert {name: words for name, words in searched([*kept(place), *spoken], jane) if words} == {}
    seen(f"{name}: {status} {answer['code']}; {len(jane.canaries)} canaries, none found")


@exam(
    "B48", given="Markup in PatientName and in every other text of a DICOM file", expected="Inert: it is shown nowhere"
)
@pytest.mark.parametrize("modality", ["US", "<img src=x onerror=alert(1)>"])
def test_markup_in_a_name_is_inert(server: Server, chief: Browser, seen: Callable[[str], None], modality: str) -> None:
    jane = patient("<img src=x onerror=alert(1)>", Modality=modality)
    status, answer = server.upload(jane.content, "<img src=x onerror=alert(1)>.dcm")
    assert status == (201 if modality == "US" else 422), answer
    shown = [*sent_by_browser(server, jane), ("JSON", json.dumps(answer).encode())]
    shown += answers(chief, answer["id"]) if modality == "US" else []
    assert [place for place, content in shown if b"onerror" in content.lower()] == []
    seen(f"Modality {modality}: {status}, {len(shown)} answers without it")


def sent_by_browser(server: Server, jane: Patient) -> list[tuple[str, bytes]]:
    """What a person gets to see who sends the file on the first page."""
    person = Browser(server)
    answer = person.send([("picture", FILE_NAME, jane.content)])
    shown = [("upload", head_and_body(answer.headers.items(), answer.content))]
    if answer.status in (302, 303):
        shown.append(("result", person.get(answer.location).content))
    return shown


def answers(chief: Browser, image_id: str) -> list[tuple[str, bytes]]:
    """Everything that the server tells an admin about an image, headers too."""
    found = []
    for page in PAGES:
        answer = chief.get(page.format(id=image_id))
        assert answer.status == 200, f"{page}: {answer.status}"
        found.append((page, head_and_body(answer.headers.items(), answer.content)))
    return found


def head_and_body(headers: Iterable[tuple[str, str]], content: bytes) -> bytes:
    return "\n".join(f"{name}: {value}" for name, value in headers).encode() + b"\n\n" + content


def kept(folder: Path) -> list[tuple[str, bytes]]:
    """Every file of the server: database, journal, pictures, logs, temporary files."""
    return [(str(path), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


def searched(places: Iterable[tuple[str, bytes]], jane: Patient) -> Iterator[tuple[str, list[bytes]]]:
    """Which of the patient's words a place holds, as bytes or as UTF-16."""
    words = [*jane.canaries, b"QXKNAME", b"QXKMODALITY", b"QXKINTERPRET"]
    for place, content in places:
        yield place, [word for word in words if word in content or word.decode().encode("utf-16-le") in content]
