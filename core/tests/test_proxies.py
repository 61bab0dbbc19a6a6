"""Who the client is behind proxies: only a trusted one's X-Forwarded-* headers count."""

from ipaddress import ip_network

import pytest
from django.http import HttpRequest, HttpResponse

from core.http.proxies import is_trusted, trusted_proxies


@pytest.fixture
def seen(settings):
    """Sends a request through the middleware and returns it as the views see it."""
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    settings.ALLOWED_HOSTS = ["*"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    def send(address, **headers):
        request = HttpRequest()
        request.META.update(REMOTE_ADDR=address, SERVER_NAME="shop", SERVER_PORT="80", HTTP_HOST="shop")
        request.META.update({f"HTTP_X_FORWARDED_{name}": text for name, text in headers.items()})
        trusted_proxies(lambda request: HttpResponse())(request)
        return request

    return send


def client_of(request):
    """The address that throttles and logs take for the client's."""
    return request.META["REMOTE_ADDR"]


def test_a_trusted_proxy_is_believed(seen):
    request = seen("10.0.0.1", FOR="203.0.113.7", PROTO="https", HOST="shop.example.com")
    assert client_of(request) == "203.0.113.7"
    assert request.is_secure()
    assert request.get_host() == "shop.example.com"


def test_a_stranger_is_not_believed(seen):
    request = seen("203.0.113.7", FOR="1.2.3.4", PROTO="https", HOST="evil.example")
    assert client_of(request) == "203.0.113.7"
    assert not request.is_secure()
    assert request.get_host() == "shop"
    assert "HTTP_X_FORWARDED_FOR" not in request.META


def test_nobody_is_trusted_by_default(seen, settings):
    settings.TRUSTED_PROXIES = []
    assert client_of(seen("127.0.0.1", FOR="1.2.3.4")) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7, 10.0.0.2, 10.0.0.3", "203.0.113.7"),
        ("10.9.9.9, 203.0.113.7", "203.0.113.7"),
        ("unknown, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.5", "10.0.0.5"),
        ("nonsense", "10.0.0.1"),
        ("203.0.113.7, nonsense", "10.0.0.1"),
        ("", "10.0.0.1"),
        (" , ,", "10.0.0.1"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7:4711,10.0.0.2:80", "203.0.113.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        ("2001:db8::7%eth0", "2001:db8::7"),
        ("[2001:db8::7%25eth0]:4711", "2001:db8::7"),
        ("[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        ("\t203.0.113.7:4711 ", "203.0.113.7"),
        ("203.0.113.7, , ", "203.0.113.7"),
        ("1.2.3.4, unknown", "10.0.0.1"),
        ("1.2.3.4, _hidden", "10.0.0.1"),
        ("203.0.113.7:http", "10.0.0.1"),
        ("203.0.113.7:4711:4711", "10.0.0.1"),
        ("[203.0.113.7", "10.0.0.1"),
        ("203.0.113.٧", "10.0.0.1"),
        ("[]:80", "10.0.0.1"),
        ("<script>", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(seen, forwarded, client):
    """Everything left of it was written by the client."""
    assert client_of(seen("10.0.0.1", FOR=forwarded)) == client


@pytest.mark.parametrize(
    ("proxy", "forwarded", "client"),
    [
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("fd00::1", "2001:DB8:0:0::7, fd00::2", "2001:db8::7"),
        ("2001:db8::1", "1.2.3.4", "2001:db8::1"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        pytest.param("10.0.0.1", "203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"),
        pytest.param("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_ipv6_and_ipv4_written_as_ipv6(seen, proxy, forwarded, client):
    assert client_of(seen(proxy, FOR=forwarded)) == client


@pytest.mark.parametrize("address", ["", "unix:", "10.0.0.1:80", "10.0.0", None])
def test_what_is_no_address_is_not_trusted(seen, address):
    seen("10.0.0.1")
    assert not is_trusted(address or "")
