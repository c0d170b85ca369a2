import pytest

from app.clinics import links


@pytest.mark.parametrize("text", ["https://a.example/b?c=d", "http://a.example", "  https://a.example  "])
def test_http_addresses_are_kept(text):
    assert links.website(text) == text.strip()


def test_a_bare_www_address_gets_its_scheme():
    assert links.website("www.a.example") == "http://www.a.example"


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.example", "",
     "https://", "https://user@evil.example", "https://a.example/\" onclick=", "http://[::1", "ftp://a.example",
     "https://a.example/" + "x" * 300],
)  # fmt: skip
def test_everything_else_is_dropped(text):
    assert links.website(text) == ""


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("+1 205-934-4011", "tel:+12059344011"),
        ("+1 705-728-9090 ext. 43333", "tel:+17057289090;ext=43333"),
        ("+44 (0)20 3456 7890", "tel:+442034567890"),
        ("905 555 0101; 905 555 0102", "tel:9055550101"),
        ("none", ""),
        ("12", ""),
        ("", ""),
    ],
)
def test_a_phone_number_becomes_a_link(text, link):
    assert links.phone(text) == link


def test_directions_lead_from_the_place_to_the_clinic():
    link = links.directions(43.25, -79.87, 43.26155, -79.91844)
    assert link == "https://www.openstreetmap.org/directions?route=43.2500,-79.8700;43.26155,-79.91844"
