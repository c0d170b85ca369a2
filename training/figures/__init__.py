"""Metrics, curves, rows, and what others published."""
