"""Fault injection: a mixed load on the composed system while its parts are killed, and a check of the books."""
