"""Where in what was sent the ultrasound image lies, how many there are, and which way round its greys are."""
