"""The history of rows: who changed what, when, and from what to what."""
