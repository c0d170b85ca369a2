"""Formats: sniff, validate, decode, drop what names a person."""
