"""The JSON interface: doors, schemas, who a client is, its description as OpenAPI."""
