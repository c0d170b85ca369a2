"""Formats of pictures: told by content, checked for size, read as grey pixels."""
