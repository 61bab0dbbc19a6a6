"""Middleware: what every request passes before a view sees it and every response on its way out. Health, pages, media."""
