"""Each format as its publisher writes it, with invented clinics."""

import json

import pytest

from app.clinics.importing import eurostat_gisco, fda_mqsa, openstreetmap, own_csv, statcan_odhf
from app.clinics.importing.draft import Draft, ImportRefused, Note
from app.clinics.importing.preview import FORMATS

OWN = "Name,Country,City,Latitude,Longitude,is_approximate\nA Clinic,CA,Hamilton,43.26,-79.87,yes\n"
ODHF = (
    "index,facility_name,source_facility_type,odhf_facility_type,provider,unit,street_no,street_name,postal_code,city,"
    "province,source_format_str_address,CSDname,CSDuid,Pruid,latitude,longitude\n"
    "1,Lake General,acute,Hospitals,Ontario,,100,Lake Rd,L8P4X1,hamilton,on,100 Lake Rd,Hamilton,1,35,43.26,-79.87\n"
    "2,Sunny Home,care,Nursing and residential care facilities,Ontario,,2,A St,,,on,,Hamilton,1,35,43.2,-79.8\n"
    "3,Valley Breast Screening,clinic,Ambulatory health care services,Ontario,,,,,,ON,3 B St,Guelph,1,35,..,..\n"
)
GISCO = (
    "id,hospital_name,site_name,lat,lon,geo_qual,ref_id,street,house_number,postcode,city,cc,country,emergency,cap_beds,"
    "cap_prac,cap_rooms,facility_type,public_private,list_specs,tel,email,url,ref_date\n"
    "EL1,Attikon,,38.01,23.66,1,,Rimini,1,12462,Athina,EL,Greece,,,,,,,,+30 210 000,,http://a.example,31/05/2020\n"
    "DE1,Klinikum,Onkologie Nord,53.55,9.99,3,,Weg,5,20146,Hamburg,DE,Germany,,,,,,,,,,,2020\n"
)
MQSA_FIELDS = ("ST. ANNE'S BREAST CENTER", "1 First Ave", "Suite 2", "", "Tucson", "AZ", "85719-1234", "5205550101", "")
PIPES = "|".join(MQSA_FIELDS) + "\r\n"
FIXED = "".join(text.ljust(width) for text, width in zip(MQSA_FIELDS, fda_mqsa.WIDTHS, strict=True)) + "\r\n"
OSM = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "Hospital Uno", "amenity": "hospital", "addr:street": "Calle",
                               "addr:housenumber": "4", "addr:country": "ES", "contact:phone": "+34 1",
                               "website": "https://uno.example"},
                "geometry": {"type": "Point", "coordinates": [-3.7, 40.4]},
            },
            {
                "type": "Feature",
                "properties": {"name": "Clinic", "amenity": "clinic", "healthcare:speciality": "breast;oncology"},
                "geometry": {"type": "Polygon", "coordinates": [[[0.0, 51.0], [0.2, 51.0], [0.2, 51.4], [0.0, 51.0]]]},
            },
            {"type": "Feature", "properties": {"name": "Chemist", "amenity": "pharmacy"}, "geometry": None},
            {"type": "Feature", "properties": {"amenity": "hospital"}, "geometry": None},
            {"properties": {"name": "Lost", "amenity": "hospital"}, "geometry": {"coordinates": ["x"]}},
            "rubbish",
        ],
    }
)  # fmt: skip
OVERPASS = json.dumps(
    {
        "osm3s": {"timestamp_osm_base": "2026-05-06T07:08:09Z"},
        "elements": [
            {"type": "node", "lat": 1.0, "lon": 2.0},
            {"type": "way", "center": {"lat": 52.5, "lon": 13.4},
             "tags": {"name": "Charité", "healthcare": "hospital", "healthcare:speciality": "mammography"}},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [(OWN, "csv"), (OWN.replace(",", ";"), "csv"), (ODHF, "odhf"), (ODHF.upper(), "odhf"), (GISCO, "gisco"),
     (PIPES * 3, "mqsa"), (FIXED * 3, "mqsa"), (OSM, "geojson"), (OVERPASS, "geojson")],
)  # fmt: skip
def test_each_format_is_recognised_first_by_its_own_reader(text, name):
    assert next(reader.NAME for reader in FORMATS.values() if reader.looks_like(text)) == name


@pytest.mark.parametrize("text", ["hello", "a,b,c\n1,2,3\n", "name,city\nA,B\n", "\n\n", "x" * 300])
def test_other_text_is_recognised_by_none(text):
    assert not any(reader.looks_like(text) for reader in FORMATS.values())


def test_our_own_columns_may_come_in_any_order_and_case():
    assert list(own_csv.read(OWN)) == [
        Draft(2, "A Clinic", country="CA", city="Hamilton", latitude="43.26", longitude="-79.87", is_approximate=True)
    ]


def test_a_quoted_cell_over_two_lines_keeps_the_line_numbers():
    text = 'name,country,city\n"A\nB",CA,Hamilton\nC,CA,Guelph\n'
    assert [(row.line, row.name) for row in own_csv.read(text)] == [(3, "A\nB"), (4, "C")]


def test_our_own_table_needs_a_way_to_place_clinics():
    with pytest.raises(ImportRefused, match="must name the columns"):
        list(own_csv.read("name,country\nA,CA\n"))


def test_odhf_keeps_hospitals_and_breast_services_only():
    hospital, home, clinic = statcan_odhf.read(ODHF)
    assert (hospital.kind, hospital.address, hospital.region, hospital.country) == (
        "hospital",
        "100 Lake Rd",
        "ON",
        "CA",
    )
    assert isinstance(home, Note)
    assert (home.line, home.name) == (3, "Sunny Home")
    assert (clinic.kind, clinic.address, clinic.city) == ("breast_clinic", "3 B St", "Guelph")


def test_gisco_codes_become_iso_codes_and_poor_points_approximate():
    attikon, klinikum = eurostat_gisco.read(GISCO)
    assert (attikon.country, attikon.address, attikon.checked_on) == ("GR", "Rimini 1", "31/05/2020")
    assert (klinikum.name, klinikum.kind) == ("Klinikum, Onkologie Nord", "cancer_centre")
    assert (attikon.is_approximate, klinikum.is_approximate) == (False, True)


@pytest.mark.parametrize("text", [PIPES, FIXED])
def test_the_fda_list_reads_the_same_in_both_of_its_shapes(text):
    (draft,) = fda_mqsa.read(text)
    assert draft == Draft(
        1, "ST. ANNE'S BREAST CENTER", kind="mammography", address="1 First Ave, Suite 2", city="Tucson", region="AZ",
        country="US", postal_code="85719", phone="+1 520-555-0101",
    )  # fmt: skip


def test_territories_are_countries_of_their_own():
    (draft,) = fda_mqsa.read("|".join(("A", "", "", "", "San Juan", "PR", "00936", "", "")))
    assert (draft.country, draft.region) == ("PR", "")


def test_a_torn_line_of_the_fda_list_is_refused_with_its_number():
    _, note = fda_mqsa.read(FIXED + "torn line\n")
    assert (note.line, note.reason) == (2, "no state and ZIP code where they are expected")


def test_openstreetmap_keeps_hospitals_and_breast_services_only():
    uno, breast, *rest = openstreetmap.read(OSM)
    assert (uno.latitude, uno.longitude, uno.address, uno.phone) == ("40.4", "-3.7", "Calle 4", "+34 1")
    assert (uno.kind, breast.kind) == ("hospital", "breast_clinic")
    assert (float(breast.longitude), float(breast.latitude)) == pytest.approx((0.1, 51.2))
    assert [(note.line, note.reason) for note in rest if isinstance(note, Note)] == [
        (3, "neither a hospital nor a breast or cancer service"), (4, "no name"), (6, "no name"),
    ]  # fmt: skip
    assert rest[2].latitude == ""


def test_overpass_gives_the_middle_of_areas_and_its_date():
    (draft,) = openstreetmap.read(OVERPASS)
    assert (draft.name, draft.kind, draft.latitude, draft.longitude) == ("Charité", "mammography", "52.5", "13.4")
    assert draft.checked_on.startswith("2026-05-06")


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[" * 100_000, '{"features": 3}', "{}"])
def test_json_of_another_kind_is_refused(text):
    with pytest.raises(ImportRefused):
        list(openstreetmap.read(text))


def test_every_format_names_itself_and_its_source():
    assert set(FORMATS) == {"csv", "geojson", "mqsa", "odhf", "gisco"}
    assert all(reader.TITLE for reader in FORMATS.values())
    assert "ODbL" in openstreetmap.SOURCE
