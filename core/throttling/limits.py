"""Limits: so many of something in a window of time, for an account or for the network of a client address."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import ip_network

from core.http.proxies import parse_address

# How many in how many seconds; None: no limit.
Rate = tuple[int, int] | None
# The length of each network's prefix, and how many clients' shares it may use. A subscriber gets a /64 or a /56, a site
# a /48 (RFC 6177 §2).
_IPV6_NETWORKS = ((48, 4), (56, 2), (64, 1))


@dataclass(frozen=True)
class Limit:
    """A rate, and what it limits: `parts` name the action and the client. Without `refuses` it only counts."""

    rate: Rate
    parts: tuple[str, ...]
    refuses: bool = True

    @cached_property
    def digest(self) -> str:
        """The counter's name. It is hashed, because addresses are personal data and names can have any length."""
        return hashlib.sha256("\0".join(self.parts).encode(errors="replace")).hexdigest()


def multiply(rate: Rate, factor: int) -> Rate:
    return None if rate is None else (rate[0] * factor, rate[1])


def client_network(address: str) -> str:
    """The network that counts as one client: an IPv4 address, or an IPv6 /64, which belongs to one subscriber."""
    return _networks(address)[-1][0]


def site_network(address: str) -> str:
    """The network of a client's site: an IPv4 /24 or an IPv6 /48, which often has one owner."""
    try:
        ip = parse_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def client_limits(rate: Rate, *parts: str, address: str) -> list[Limit]:
    """The limits of a client address: those of the wider networks first, its own last."""
    return [Limit(multiply(rate, share), (*parts, network)) for network, share in _networks(address)]


@lru_cache(maxsize=1_000)
def _networks(address: str) -> tuple[tuple[str, int], ...]:
    """The networks that a client address is in, widest first, each with the number of clients' shares it may use."""
    try:
        ip = parse_address(address)
    except ValueError:
        return ((address, 1),)
    if ip.version == 4:
        return ((str(ip), 1),)
    return tuple((str(ip_network(f"{ip}/{length}", strict=False)), share) for length, share in _IPV6_NETWORKS)
