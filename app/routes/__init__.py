"""Doors: each view reads the form, calls one function, turns its refusal into a message, and answers."""
