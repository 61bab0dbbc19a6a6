"""Mail to accounts: the outbox, the text of the mails, and how they are sent."""
