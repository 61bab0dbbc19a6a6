"""What every request passes before a view sees it, and every response on its way out; probes, pages and media."""
