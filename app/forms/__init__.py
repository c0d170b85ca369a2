"""What may come in through a door: one file per area."""
