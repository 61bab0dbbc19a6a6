"""Imports products from CSV files: checks the files, parses their rows or refuses them with a reason, saves batches."""
