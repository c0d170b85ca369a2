"""Where in what was sent the ultrasound image lies."""
