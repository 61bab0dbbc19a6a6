"""What bounds how often and how much: attempts at accounts (rows), budgets of cost (cache) and work at once (slots)."""
