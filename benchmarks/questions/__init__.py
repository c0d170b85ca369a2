"""One measurement a file, beside `make bench`."""
