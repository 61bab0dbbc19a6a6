"""Work that happens later. Rows in the database say what is due; a message only tells a worker to look now."""
