"""Pictures before and after the networks: decoding, geometry, measurement. Knows no web, database or network."""
