"""Work that happens later: rows that fall due decide, a message only tells a worker to look now."""
