"""What bounds how often and how much: attempts with accounts (rows), and work that runs at once (slots)."""
