"""Calibration, scores, intervals, agreement."""
