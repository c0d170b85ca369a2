"""How the database is opened, and where pictures lie."""
