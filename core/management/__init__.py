"""`manage.py serve` and what it needs; how commands find the running shop and explain a missing database."""
