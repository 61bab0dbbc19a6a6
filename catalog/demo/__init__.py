"""The demo shop: its words in TOML, the catalogue made of them, and the write that puts it into the database."""
