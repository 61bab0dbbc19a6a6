"""The demo shop: its words in TOML, the catalogue made from them, two accounts, and drawn pictures.

An app of its own. Nothing imports it but Django; it registers itself where it is needed (apps.py).
"""
