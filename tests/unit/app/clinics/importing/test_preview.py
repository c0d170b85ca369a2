import pytest

from app.clinics.importing import preview
from app.clinics.importing.draft import ImportRefused
from app.clinics.importing.preview import prepare

HEADER = "name,country,city,latitude,longitude\n"
GOOD = "Clinic A,CA,Hamilton,43.26,-79.87\n"


@pytest.fixture(autouse=True)
def lesser_gazetteer(monkeypatch):
    """The towns that the other tests have read already; the larger list takes three seconds."""
    monkeypatch.setattr(preview, "SMALLEST_TOWNS", 5000)


def test_accepted_refused_and_odd_rows_are_told_apart_by_line():
    text = HEADER + GOOD + "Clinic B,CA,Hamilton,143,-79\n" + "Clinic C,CA,Vancouver,43.26,-79.87\n" + GOOD
    found = prepare(text.encode())
    assert [row.name for row in found.facts] == ["Clinic A", "Clinic C"]
    assert [(note.line, note.reason) for note in found.refused] == [
        (3, "latitude 143 is not between -90 and 90"),
        (5, "same name, city and country as line 2"),
    ]
    assert [note.line for note in found.flagged] == [4]
    assert found.by_country == {"CA": 2}
    assert found.by_kind == {"hospital": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_older_encodings_are_tolerated(encoding):
    text = HEADER + "Hôpital Général,CA,Montréal,45.5,-73.57\n"
    assert prepare(text.encode(encoding)).facts[0].name == "Hôpital Général"


def test_a_format_can_be_named():
    assert prepare((HEADER + GOOD).encode(), form="csv").title == "table of clinics"
    with pytest.raises(ImportRefused):
        prepare((HEADER + GOOD).encode(), form="odhf")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"  \n ", "empty"), (b"hello", "not recognised"), (b"{", "not JSON"),
     (b"\x89PNG\r\n\x1a\n\x00\xff", "not recognised")],
)  # fmt: skip
def test_a_file_that_is_no_directory_is_refused_with_a_sentence(content, reason):
    with pytest.raises(ImportRefused, match=reason):
        prepare(content)


def test_a_file_that_is_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr(preview, "MAX_BYTES", 10)
    with pytest.raises(ImportRefused, match="larger than"):
        prepare(b"x" * 11)


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(preview, "MAX_ROWS", 1)
    with pytest.raises(ImportRefused, match="more than 1 rows"):
        prepare((HEADER + GOOD + GOOD.replace("A", "B")).encode())


def test_an_overlong_cell_is_refused():
    with pytest.raises(ImportRefused, match="not a table"):
        prepare((HEADER + '"' + "x" * 200_000 + '",CA,Hamilton,1,1\n').encode())
