"""Mail to accounts: the outbox, what the mails say, and how they leave the house."""
