"""What the environment may say, and what stops the start."""

from __future__ import annotations

import pytest

from app import config
from app.config import BadSetting


def test_an_empty_value_means_the_default() -> None:
    names = [name for one in config.SETTINGS for name in (one.name, f"SONOTRIAGE_{one.name}")]
    assert config.load(dict.fromkeys(names, "")) == config.load({})


def test_the_longer_name_wins() -> None:
    assert config.load({"PORT": "1", "SONOTRIAGE_PORT": "2"})["PORT"] == 2


def test_a_log_level_may_be_spelt_in_any_case() -> None:
    assert config.load({"LOG_LEVEL": "warning"})["LOG_LEVEL"] == "WARNING"


@pytest.mark.parametrize(
    ("name", "text"), [("LOG_LEVEL", "loud"), ("PORT", "0"), ("PORT", "x"), ("COOKIE_SECURE", "maybe")]
)
def test_a_value_that_can_t_be_read_is_told_with_its_name(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"{name}='{text}': "):
        config.load({name: text})
