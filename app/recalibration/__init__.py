"""Fits calibration and operating point to labelled images of one's own."""
