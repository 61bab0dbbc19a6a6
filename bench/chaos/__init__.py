"""Faults on purpose: a mixed load on the composed system while its parts are killed, then a check of the books."""
