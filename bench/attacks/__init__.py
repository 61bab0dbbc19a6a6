"""Attacks on a running service from outside: what each costs it, and whether it still protects itself afterwards."""
