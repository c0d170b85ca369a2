from datetime import date

import pytest
from sqlalchemy import func, select

from app.clinics import directory
from app.clinics.facts import KINDS
from app.tables import AuditEvent, Clinic
from app.web.extensions import db


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Clinic))


def test_the_bundled_directory_holds_what_the_product_promises():
    rows = directory.bundled()
    assert len(rows) > 700
    assert len({row.country for row in rows}) > 200
    assert len({row.key for row in rows}) == len(rows)


def test_every_bundled_fact_has_a_source_and_a_date_and_none_is_share_alike():
    for row in directory.bundled():
        assert row.source
        assert "ODbL" not in row.source
        assert "OpenStreetMap" not in row.source
        assert date(2015, 1, 1) <= date.fromisoformat(row.checked_on)
        assert row.kind in KINDS
        assert abs(row.latitude) <= 90
        assert abs(row.longitude) <= 180
        assert (row.latitude, row.longitude) != (0, 0)
        assert len(row.country) == 2


def test_bundled_websites_and_phones_are_safe_to_link():
    from app.clinics import links

    rows = directory.bundled()
    assert all(links.website(row.website) == row.website for row in rows)
    assert all(links.phone(row.phone) for row in rows if row.phone)
    assert sum(bool(row.phone) for row in rows) > 100
    assert any(row.is_approximate for row in rows)


def test_an_empty_directory_is_filled_once(clinic_app):
    assert directory.seed() == len(directory.bundled()) == count()
    assert directory.seed() == 0


def test_a_directory_with_clinics_is_left_alone(clinic_app, facts):
    directory.merge([facts()], actor="system")
    assert directory.seed() == 0
    assert count() == 1


def test_merging_updates_what_is_known_and_keeps_the_rest(clinic_app, facts):
    directory.merge([facts(), facts(name="Hill Hospital")], actor="system")
    change = directory.merge(
        [facts(name="LAKESIDE cancer centre", phone="+1 905 555 9999"), facts(city="Toronto")], actor="system"
    )
    assert (change.added, change.replaced, change.removed) == (1, 1, 0)
    assert count() == 3
    assert db.session.scalars(select(Clinic.phone).where(Clinic.name == "LAKESIDE cancer centre")).all() == [
        "+1 905 555 9999"
    ]


def test_replacing_leaves_only_the_new_clinics_under_new_ids(clinic_app, facts):
    directory.merge([facts(), facts(name="Hill Hospital")], actor="system")
    before = set(db.session.scalars(select(Clinic.id)))
    change = directory.replace([facts(name="New Clinic"), facts(name="Newer Clinic")], actor="system")
    assert (change.added, change.removed) == (2, 2)
    assert {row.name for row in directory.stored()} == {"New Clinic", "Newer Clinic"}
    assert before.isdisjoint(db.session.scalars(select(Clinic.id)))


def test_an_import_is_recorded_in_the_audit_trail(clinic_app, facts):
    directory.replace([facts()], actor="admin", format="table of clinics")
    event = db.session.scalars(select(AuditEvent)).one()
    assert (event.actor, event.action) == ("admin", "clinics.replace")
    assert event.details == {"added": 1, "replaced": 0, "removed": 0, "format": "table of clinics"}


def test_a_failed_import_leaves_the_directory_as_it_was(clinic_app, facts, monkeypatch):
    directory.merge([facts()], actor="system")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the audit trail is unwell")

    monkeypatch.setattr(directory.audit, "record", broken)
    with pytest.raises(RuntimeError):
        directory.replace([facts(name="Other")], actor="system")
    assert [row.name for row in directory.stored()] == ["Lakeside Cancer Centre"]
