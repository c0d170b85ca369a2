"""Training itself: the loop, losses, segmentation, classification, prediction, calibration."""
