"""From a typed place to coordinates."""
