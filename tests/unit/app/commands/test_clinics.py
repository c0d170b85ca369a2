import csv

import pytest

from app.clinics import directory
from app.clinics.importing import preview
from app.commands.clinics import clinics_commands

HEADER = "name,country,city,latitude,longitude\n"
GOOD = "Clinic A,CA,Hamilton,43.26,-79.87\n"


@pytest.fixture
def run(clinic_app, monkeypatch):
    """Runs `flask clinics ...` and returns click's result."""
    monkeypatch.setattr(preview, "SMALLEST_TOWNS", 5000)
    monkeypatch.setattr("app.commands.clinics.SMALLEST_TOWNS", 5000)
    clinic_app.cli.add_command(clinics_commands)
    return lambda *words, **options: clinic_app.test_cli_runner().invoke(args=["clinics", *map(str, words)], **options)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "clinics.csv"
    path.write_text(HEADER + GOOD + "Clinic B,CA,Hamilton,0,0\n", encoding="utf-8")
    return path


def test_an_import_says_what_it_does_and_does_it(run, table):
    done = run("import", table, "--yes", "--checked-on", "2026-03-04", "--source", "our list")
    assert done.exit_code == 0
    assert "Read as: table of clinics" in done.output
    assert "line 3: Clinic B: coordinates 0, 0 stand for unknown" in done.output
    assert "1 added, 0 updated, 0 removed" in done.output
    (row,) = directory.stored()
    assert (row.name, row.source, row.checked_on) == ("Clinic A", "our list", "2026-03-04")


def test_without_yes_it_asks_and_no_changes_nothing(run, table):
    done = run("import", table, input="n\n")
    assert done.exit_code == 1
    assert "Import 1 clinics (merge)?" in done.output
    assert directory.stored() == []


def test_replace_takes_the_place_of_the_bundled_directory(run, table):
    directory.seed()
    assert run("import", table, "--mode", "replace", "--yes").exit_code == 0
    assert [row.name for row in directory.stored()] == ["Clinic A"]


def test_merge_adds_to_it(run, table):
    bundled = directory.seed()
    assert run("import", table, "--mode", "merge", "--yes").exit_code == 0
    assert len(directory.stored()) == bundled + 1


def test_a_file_without_a_usable_row_leaves_the_directory_as_it_was(run, tmp_path):
    bundled = directory.seed()
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + "Clinic B,CA,Hamilton,0,0\n", encoding="utf-8")
    done = run("import", path, "--mode", "replace", "--yes")
    assert done.exit_code == 1
    assert "Nothing to import" in done.output
    assert len(directory.stored()) == bundled


def test_a_file_of_no_known_format_is_refused_in_one_sentence(run, tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"\x00\x01\x02")
    done = run("import", path, "--yes")
    assert done.exit_code == 1
    assert done.output.startswith("Error: The format was not recognised.")


def test_a_bad_date_is_refused(run, table):
    assert run("import", table, "--yes", "--checked-on", "4.3.2026").exit_code == 2


def test_the_report_lists_every_refused_row_and_no_formula(run, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(HEADER + GOOD + "=HYPERLINK(1),CA,Hamilton,0,0\n", encoding="utf-8")
    report = tmp_path / "report.csv"
    assert run("import", path, "--yes", "--report", report).exit_code == 0
    with report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"outcome": "refused", "line": "3", "name": "'=HYPERLINK(1)", "reason": "coordinates 0, 0 stand for unknown"}
    ]


def test_24_a_report_replaces_nothing_unasked(run, table, tmp_path):
    before = table.read_text(encoding="utf-8")
    refused = run("import", table, "--yes", "--report", table, "--force")
    assert (refused.exit_code, table.read_text(encoding="utf-8")) == (2, before)
    report = tmp_path / "report.csv"
    report.write_text("yesterday's")
    assert run("import", table, "--yes", "--report", report).exit_code == 2
    assert (report.read_text(), directory.stored()) == ("yesterday's", [])
    assert run("import", table, "--yes", "--report", report, "--force").exit_code == 0
    assert report.read_text().startswith("outcome,line")


def test_check_counts_the_directory_and_names_what_is_odd(run, facts):
    directory.merge(
        [facts(), facts(name="Astray", latitude=48.85, longitude=2.35, checked_on="2018-01-01")], actor="system"
    )
    done = run("check")
    assert done.exit_code == 0
    assert "Astray (Hamilton, CA): the nearest town is" in done.output
    assert "2 clinics in 1 countries; 1 to look at." in done.output
    assert "Oldest facts: 2018-01-01; older than 3 years: 1." in done.output


def test_check_of_an_empty_directory_fails(run):
    assert run("check").exit_code == 1
