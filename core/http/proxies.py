"""Believes X-Forwarded-* headers only when they come from a trusted proxy (setting TRUSTED_PROXIES)."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """The IP address. An IPv4 address written as IPv6 (RFC 4291 §2.5.5.2) is an IPv4 address. Raises ValueError."""
    return _parsed(text.strip())


@lru_cache(maxsize=1_000)
def _parsed(text: str) -> IPv4Address | IPv6Address:
    ip = ip_address(text)
    return getattr(ip, "ipv4_mapped", None) or ip


def parse_hop(text: str) -> IPv4Address | IPv6Address:
    """The address in one element of X-Forwarded-For. Raises ValueError when there is none.

    Seen: "203.0.113.7", "203.0.113.7:4711" (Azure), "[2001:db8::7]", "[2001:db8::7]:443", "fe80::1%eth0", any of them
    in quotes (RFC 7239 §6). An IPv6 address with a port but without brackets cannot be told from one without a port.
    """
    hop = text.strip().strip('"')
    bracketed = re.fullmatch(r"\[([^\]]*)\](:[0-9]{1,5})?", hop, re.ASCII)
    if bracketed:
        hop = bracketed[1]
    elif with_port := re.fullmatch(r"([0-9.]+):[0-9]{1,5}", hop, re.ASCII):
        hop = with_port[1]
    # Without the zone (%eth0): that is the proxy's own name for one of its interfaces.
    return parse_address(hop.partition("%")[0])


def is_trusted(address: str) -> bool:
    """Whether the text is the IP address of a trusted proxy."""
    try:
        ip = parse_address(address)
    except ValueError:
        return False
    return any(ip in network for network in settings.TRUSTED_PROXIES)


def client_address(request: HttpRequest) -> str:
    """The client's network address; "" where the server names none (a Unix socket)."""
    address: str = request.META.get("REMOTE_ADDR", "")
    return address


def trusted_proxies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: behind a trusted proxy it sets REMOTE_ADDR to the client, else it drops the X-Forwarded-* headers.

    The client is the rightmost address of X-Forwarded-For that is not itself a trusted proxy: everything to its left
    was written by the client and proves nothing.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        meta = request.META
        if not is_trusted(meta.get("REMOTE_ADDR", "")):
            for name in FORWARDED:
                meta.pop(name, None)
        else:
            for hop in reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(",")):
                if not hop.strip():
                    continue  # RFC 9110 §5.6.1: empty elements do not count
                try:
                    address = str(parse_hop(hop))
                except ValueError:
                    break
                meta["REMOTE_ADDR"] = address
                if not is_trusted(address):
                    break
        return get_response(request)

    return middleware
