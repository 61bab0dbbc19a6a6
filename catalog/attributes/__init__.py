"""Attributes: the facts that products are told apart by, and groups of products that differ in them only."""
