"""The mark that gives a test its row in the exam."""

from __future__ import annotations

import pytest


def exam(number: str, given: str, expected: str) -> pytest.MarkDecorator:
    """Row `number` (B1, F3, L10): what is sent or broken, and what must happen, as the exam's page prints them."""
    return pytest.mark.exam(number, given=given, expected=expected)
