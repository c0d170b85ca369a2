"""Whatever a setting holds, it is read or refused in a sentence: no text leads to a traceback."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import config
from app.config import SETTINGS, BadSetting
from app.setting_readers import Whole

NAMES = [setting.name for setting in SETTINGS]
BOUNDED = [setting for setting in SETTINGS if isinstance(setting.read, Whole)]
# What the environment of a process can hold: anything but the zero byte; bytes that are no UTF-8 come as surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=400)
ODD = st.one_of(
    st.integers().map(str), st.floats().map(str), st.ip_addresses().map(str), st.just("9" * 5000),
    st.sampled_from([" 5", "5 ", "+5", "1_0", "0x10", "\u0661", "1e3", "yes ", "http://", "http://[", "http://a:x"]),
)  # fmt: skip


@given(st.sampled_from(NAMES), st.one_of(TEXTS, ODD))
def test_every_text_is_read_or_refused_with_the_setting_s_name(name: str, text: str) -> None:
    try:
        config.load({name: text})
    except BadSetting as refusal:
        sentence = str(refusal)
        assert name in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert len(sentence) < 800


@given(st.dictionaries(st.sampled_from([*NAMES, "SONOTRIAGE_PORT"]), st.one_of(TEXTS, ODD), max_size=6))
def test_no_several_of_them_fail_in_another_way(environment: dict[str, str]) -> None:
    with suppress(BadSetting):
        config.load(environment)


@pytest.mark.parametrize("setting", BOUNDED, ids=lambda setting: setting.name)
def test_a_number_is_read_up_to_its_bounds_and_no_further(setting: config.Setting) -> None:
    bounds = setting.read
    assert isinstance(bounds, Whole)
    for number in (bounds.least, bounds.most):
        assert config.load({setting.name: str(number)})[setting.name] == number
    for number in (bounds.least - 1, bounds.most + 1, 10 * bounds.most):
        with pytest.raises(BadSetting, match=f"expected a whole number from {bounds}"):
            config.load({setting.name: str(number)})


def test_every_number_has_an_upper_bound_that_somebody_thought_of() -> None:
    assert len(BOUNDED) >= 18
    assert all(bounds.most <= 1_000_000 for bounds in (setting.read for setting in BOUNDED))  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["a", "secret", "changeme", "x" * 64, "abcabc" * 10])
def test_a_secret_key_that_can_be_guessed_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BadSetting, match="SECRET_KEY: whoever guesses it") as refused:
        config.load({"SECRET_KEY": key})
    assert key not in str(refused.value).replace("SECRET_KEY", "").replace("a good one", "") or key == "a"


def test_a_secret_key_by_chance_is_taken() -> None:
    key = "9f2c4b7d1e8a6053c7d9e1f4a2b8c6d0"
    assert config.load({"SECRET_KEY": key})["SECRET_KEY"] == key


@pytest.mark.parametrize("token", ["x", "short", "aaaaaaaaaaaaaaaaaaaaaaa", "with \xe4 nd more than sixteen"])
def test_a_token_that_can_be_guessed_or_sent_by_no_header_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(BadSetting, match="METRICS_TOKEN: expected") as refused:
        config.load({"METRICS_TOKEN": token})
    assert token not in str(refused.value).replace("expected", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LISTEN", "0.0.0.0:8000"), ("LISTEN", "triage.example.org"), ("ALLOWED_HOSTS", "https://triage.example.org"),
        ("ALLOWED_HOSTS", "*"), ("ALLOWED_HOSTS", "a.example:8000"), ("NOMINATIM_URL", "nominatim.example.org"),
        ("NOMINATIM_URL", "http://name:word@a.example"),
        ("NOMINATIM_URL", "http://a:99999"), ("DATA_DIR", "data\n"), ("PORT", "70000"), ("TRUSTED_PROXIES", "-1"),
    ],
)  # fmt: skip
def test_what_no_server_can_do_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name}="):
        config.load({name: text})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("LISTEN", "::", "::"), ("LISTEN", "[::1]", "[::1]"), ("LISTEN", "localhost", "localhost"),
        ("ALLOWED_HOSTS", " Triage.Example.org, [::1] ", ("triage.example.org", "[::1]")),
        ("NOMINATIM_URL", "http://localhost:8080/search", "http://localhost:8080/search"), ("PORT", "08000", 8000),
    ],
)  # fmt: skip
def test_what_a_server_can_do_is_read(name: str, text: str, value: object) -> None:
    assert config.load({name: text})[name] == value
