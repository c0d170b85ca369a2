"""What a template may read: frozen dataclasses, one file per area."""
