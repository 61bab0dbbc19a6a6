"""Attacks with one expensive request: searches, variables, documents, odd bytes."""

import json
from typing import Any
from urllib.parse import quote

from bench.attacks.client import Stranger
from bench.attacks.registry import PASSWORD, REFRESH, REGISTER, SEARCH, SIGN_IN, SUGGEST, attack


def letters(start: int, count: int = 200) -> str:
    """So many different characters from a code point on, without a gap."""
    return "".join(chr(start + n % 80) for n in range(count))


SCRIPTS = {
    **{"CJK": letters(0x4E00), "one CJK": "漢" * 200, "Hangul": letters(0xAC00), "Thai": letters(0x0E01, 46) * 4},
    **{"Arabic": letters(0x0627, 36) * 5, "Cyrillic": letters(0x0430, 32) * 6, "Devanagari": letters(0x0905, 50) * 4},
    **{
        "emoji": letters(0x1F600),
        "CJK beyond the BMP": letters(0x20000),
        "Latin": "abcdefghij" * 20,
        "marks": "e" + "\u0301" * 199,
    },
    **{
        "digits": "1234567890" * 20,
        "words": "lampe " * 33,
        "hyphens": "a-b-c-d-" * 25,
        "one CJK a word": "漢 " * 100,
        "letters": "a b " * 50,
    },
}


@attack("200 characters of each script", max_seconds=0.15, peak=60)
def scripts(stranger: Stranger) -> str:
    """By search, suggestions and REST, one after the other."""
    for text in SCRIPTS.values():
        stranger.graphql(SEARCH, {"s": text})
        stranger.graphql(SUGGEST, {"s": text})
        stranger.send("GET", f"/api/v1/products/search/?limit=5&facets=true&q={quote(text[:200])}")
    return ""


@attack("20 searches of 200 CJK characters in one request", max_seconds=1.0, peak=60)
def aliased_searches(stranger: Stranger) -> str:
    """With aliases, for products and for suggestions."""
    for field in ("products(search: $s%d, first: 5) { totalCount }", "suggestions(query: $s%d) { text }"):
        names = range(20)
        declared = ", ".join(f"$s{n}: String!" for n in names)
        query = f"query({declared}) {{ {' '.join(f'a{n}: {field % n}' for n in names)} }}"
        stranger.graphql(query, {f"s{n}": letters(0x4E00 + 97 * n) for n in names})
    return ""


FIELDS = "query($ids: [ID!]) { products(filter: {ids: $ids}) { nodes { %s } } }" % ("name " * 470)


@attack("5,000 and 150,000 nulls for variables", max_seconds=0.3)
def nulls(stranger: Stranger) -> str:
    """Where ids are wanted, in a document of 470 fields; then in a nested list."""
    for count in (5_000, 150_000):
        stranger.graphql(FIELDS, {"ids": [None] * count})
        stranger.graphql(FIELDS, {"ids": [{}] * (count // 2)})
    stranger.graphql("query($l: [CartLineAddInput!]!) { me { id } }", {"l": [{"quantity": "x"}] * 20_000})
    return ""


@attack("50,000 unknown keys", max_seconds=0.3)
def unknown_keys(stranger: Stranger) -> str:
    """In an input object, among the variables, in extensions, in the body."""
    keys = {f"k{n}": None for n in range(50_000)}
    stranger.graphql("query($f: ProductFilter) { products(filter: $f) { totalCount } }", {"f": keys})
    stranger.graphql("{ me { id } }", keys)
    stranger.graphql("{ me { id } }", extensions=keys)
    stranger.graphql("{ me { id } }", **keys)
    return ""


@attack("fields of 99 kB that are logged", max_seconds=0.3)
def long_names(stranger: Stranger) -> str:
    """Operation names, paths and headers made to slow a redactor down."""
    for part in ("eyJ", "eyJhbGciOiJIUzI1NiJ9.", "Bearer ", "a@", "password=", "x.", "-----BEGIN "):
        name = (part * 99_000)[:99_000]
        stranger.graphql("query a { me { id } }", operationName=name)
        plain = "".join(letter if letter.isalnum() else "_" for letter in name)
        stranger.graphql(f"query {plain} {{ me {{ id }} }}", operationName=plain)
        stranger.graphql(SIGN_IN, {"e": name, "p": name})
        stranger.graphql(REFRESH, {"t": name})
        stranger.send("GET", "/" + quote(name)[:3_500])
        stranger.send(
            "GET",
            "/api/v1/products/search/?q=" + quote(name)[:3_500],
            headers={"User-Agent": name[:7_000], "X-Request-ID": name[:7_000]},
        )
        stranger.send("POST", "/graphql/", b"{}", headers={"Authorization": f"Bearer {name[:7_000]}"})
    return ""


@attack("documents that explode", max_seconds=0.5)
def bombs(stranger: Stranger) -> str:
    """Nesting, fragments that double, lists, strings and numbers without end."""
    doubling = " ".join(f"fragment f{n} on Category {{ children {{ ...f{n + 1} ...f{n + 1} }} }}" for n in range(40))
    flat = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    for query in (
        "{ a" * 30_000,
        "query { categories { ...f0 } } " + doubling + " fragment f40 on Category { id }",
        "query { ...f0 } " + flat + " fragment f40 on Query { me { id } }",
        "{ products(filter: {ids: " + "[" * 40_000 + "}) { totalCount } }",
        '{ products(search: """' + "\\" * 90_000 + '""") { totalCount } }',
        "{ products(first: " + "9" * 90_000 + ") { totalCount } }",
        "{ products(first: 1e" + "9" * 90_000 + ") { totalCount } }",
        "query(" + " ".join(f"$v{n}: Int = {n}" for n in range(3_000)) + ") { me { id } }",
        "{ me { id " + "@include(if: true) " * 4_000 + "} }",
        "#" * 99_000,
        "{ me { " + "id " * 30_000 + "} }",
    ):
        stranger.graphql(query)
    stranger.send("POST", "/graphql/", b"[" * 500_000)
    stranger.send("POST", "/graphql/", b'{"query": ' + b"9" * 500_000 + b"}")
    return ""


@attack("first and last by variables")
def page_costs(stranger: Stranger) -> str:
    """The cost is that of the variable that was given."""
    query = "query($a: Int, $b: Int) { products(first: $a, last: $b) { nodes { category { path { name } } } } }"
    costs = []
    for given in ({"a": 100}, {"b": 100}):
        answer = stranger.graphql(query, given)
        costs.append((((answer.body or {}).get("extensions") or {}).get("cost") or {}).get("requested"))
    return "" if costs[0] == costs[1] else f"costs {costs[0]} and {costs[1]}"


@attack("odd bytes")
def odd_bytes(stranger: Stranger) -> str:
    """Lone surrogates, wrong literals beside fragments, hosts of many ß, nulls for defaults: JSON and below 500."""
    me = "fragment f on Query { me { id } } "
    bodies: list[Any] = [
        {"query": "{ me { id } }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "\ud800" * 64}}},
        {"query": "{ me { id } }", "operationName": "\udfff"},
        {"query": SEARCH, "variables": {"s": "\ud83d"}},
        {"query": "{ me { id } \ud800 }"},
        {"query": "{ me { id } }", "operationName": ""},
        {"query": me + '{ ...f products(first: "x") { totalCount } }'},
        {"query": me + "{ ...f products(filter: {price: {min: true}}) { totalCount } }"},
        {
            "query": me
            + 'mutation { ...g } fragment g on Mutation { productImageUpload(input: {productId: 1, image: "y"}) { errors { code } } }'
        },
        {"query": 'query($f: Int = 3) { suggestions(query: "a", first: $f) { text } }', "variables": {"f": None}},
        {"query": REGISTER, "variables": {"i": {"email": "a@" + "ß" * 60 + ".de", "password": PASSWORD}}},
        {"query": REGISTER, "variables": {"i": {"email": "a@" + "ß" * 3_000, "password": PASSWORD}}},
        {"query": SIGN_IN, "variables": {"e": "\0", "p": "\0"}},
    ]
    for body in bodies:
        stranger.send("POST", "/graphql/", json.dumps(body).encode())
        stranger.send("POST", "/graphql/", json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for operations, places in (('{"query": "{ me { id } }"}', '{"0": ["\\ud800"]}'), ("\x00", "{}"), ("{}", "[]")):
        edge = "e"
        parts = "".join(
            f'--{edge}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{t}\r\n'
            for n, t in (("operations", operations), ("map", places))
        )
        form = {"Content-Type": f"multipart/form-data; boundary={edge}", "Apollo-Require-Preflight": "1"}
        stranger.send("POST", "/graphql/", f"{parts}--{edge}--\r\n".encode(), headers=form)
    html = [answer.text[:40] for answer in stranger.answers if answer.status and answer.body is None]
    return f"not JSON: {html[0]!r}" if html else ""
