"""Changes of many products at once: shown first, then confirmed, done by the worker, undone within a day."""
