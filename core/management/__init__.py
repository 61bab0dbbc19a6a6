"""Commands of every app's floor."""
