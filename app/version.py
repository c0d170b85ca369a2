"""The version of the product; the same as in pyproject.toml, which a test compares."""

VERSION = "0.2.0"
