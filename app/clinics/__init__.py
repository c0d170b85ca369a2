"""Places, the clinic directory, and which of its clinics are nearest."""
