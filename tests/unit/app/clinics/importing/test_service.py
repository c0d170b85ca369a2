import pytest

from app.clinics.importing import service


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("Hill Breast Clinic",), "breast_clinic"), (("Brustzentrum Nord",), "breast_clinic"),
        (("Centre du Sein",), "breast_clinic"), (("Instituto de Câncer",), "cancer_centre"),
        (("Clinic", "radiotherapy oncology"), "cancer_centre"), (("Mammographie Süd",), "mammography"),
        (("General Hospital",), ""), (("Mamaroneck Hospital",), ""), (("Hôpital de la Seine",), ""),
    ],
)  # fmt: skip
def test_the_kind_is_read_from_words_in_several_languages(words, kind):
    assert service.kind_of(*words) == kind


@pytest.mark.parametrize(
    ("text", "date"),
    [("2020", "2020-01-01"), ("2020-05", "2020-05-01"), ("2020-05-31", "2020-05-31"), ("31/05/2020", "2020-05-31"),
     ("2026-05-06T07:08:09Z", "2026-05-06"), ("31.5.2020", "2020-05-31"), ("2020-13-01", ""), ("soon", ""), ("", "")],
)  # fmt: skip
def test_dates_become_iso_dates(text, date):
    assert service.iso_date(text) == date


@pytest.mark.parametrize("text", ["N/A", "..", "-", "null", "Unknown", ""])
def test_fillers_are_dropped(text):
    assert service.without_filler(text) == ""


def test_a_filler_address_is_dropped_but_a_town_of_that_name_stays():
    assert service.without_filler("1 Main Street", is_contact=True) == ""
    assert service.without_filler("21 Main Street", is_contact=True) == "21 Main Street"
    assert service.without_filler("Nan") == "Nan"


def test_street_lines_follow_the_country():
    assert service.street_line("Main Street", "12", "CA") == "12 Main Street"
    assert service.street_line("Hauptstraße", "12", "DE") == "Hauptstraße 12"
    assert service.street_line("Hauptstraße", "", "DE") == "Hauptstraße"
