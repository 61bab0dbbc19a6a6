"""serve: what `make run` runs."""
