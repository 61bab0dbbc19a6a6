"""Access tokens, and the policy of who may do what."""
