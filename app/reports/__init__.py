"""A stored analysis in other formats: one file a format."""
