"""Limits: so many of something in so much time, for an account or for the network that a client address is in."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network

from core.http.proxies import parse_address

# How many in how many seconds; None: no limit.
Rate = tuple[int, int] | None
# A subscriber is given a /64, often a /56; a site a /48 (RFC 6177 §2). Each wider network may do so many times as much
# as one client.
_IPV6_NETWORKS = ((48, 4), (56, 2), (64, 1))


@dataclass(frozen=True)
class Limit:
    """A rate, and what it counts: `parts` name the action and for whom. `refuses` is False where it only counts."""

    rate: Rate
    parts: tuple[str, ...]
    refuses: bool = True

    @cached_property
    def digest(self) -> str:
        """The counter's name. It is hashed, because addresses are personal data and names have any length."""
        return hashlib.sha256("\0".join(self.parts).encode(errors="replace")).hexdigest()


def multiply(rate: Rate, factor: int) -> Rate:
    return None if rate is None else (rate[0] * factor, rate[1])


def client_network(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that IPv6 gives to one subscriber."""
    return _networks(address)[-1][0]


def site_network(address: str) -> str:
    """Roughly the place where a client is: one owner may well have all of an IPv4 /24 or an IPv6 /48."""
    try:
        ip = parse_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def client_limits(rate: Rate, *parts: str, address: str) -> list[Limit]:
    """The limits of a client address: its own, and before it those of the wider networks that it is in."""
    return [Limit(multiply(rate, share), (*parts, network)) for network, share in _networks(address)]


def _networks(address: str) -> list[tuple[str, int]]:
    """The networks that a client address is in, widest first; each with the number of clients whose share it has."""
    try:
        ip = parse_address(address)
    except ValueError:
        return [(address, 1)]
    if ip.version == 4:
        return [(str(ip), 1)]
    return [(str(ip_network(f"{ip}/{length}", strict=False)), share) for length, share in _IPV6_NETWORKS]
