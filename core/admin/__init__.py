"""What the pages of the admin share: the front page, versions of their forms, and the history of a row."""
