"""Start-up checks, hourly tidying, integrity, backup and restore, readiness, inventory."""
