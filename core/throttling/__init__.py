"""Limits attempts at accounts (counted in rows), costs of requests (in the cache) and concurrent work (slots)."""
