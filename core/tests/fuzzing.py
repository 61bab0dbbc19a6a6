"""Draws random GraphQL requests from the schema: mostly valid ones, with mistakes of every kind."""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
)
from hypothesis import strategies as st

# Texts that careless code fails on: controls, surrogates, combining marks, wide and folding characters.
ODD_TEXTS = [
    "",
    " ",
    "\x00",
    "\ud800",
    "\udc00x",
    "é",
    "e\u0301",
    "ß",
    "İ",
    "ﬁ",
    "हिन्दी",
    "漢字",
    "😀",
    "\u202e",
    "\ufeff",
    "%",
    "_",
    "'",
]
TEXTS = st.one_of(
    st.sampled_from(["a", "lamp", "UHJvZHVjdDox", "Q2F0ZWdvcnk6MQ==", "2026-01-31T12:00:00Z", "19.99", "a@b.example"]),
    st.sampled_from(ODD_TEXTS),
    st.builds(lambda text, times: text * times, st.sampled_from(ODD_TEXTS), st.sampled_from([2, 70, 300])),
    st.text(max_size=5),
)
NUMBERS = st.sampled_from([0, 1, -1, 20, 101, 2**31 - 1, 2**31, -(2**63), 10**30, 0.5, 1e308, 5e-324])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["min", "ids", "", "😀"]), inner, max_size=3)
    ),
    max_leaves=5,
)
LITERALS = st.one_of(
    st.sampled_from(
        ["null", "true", "ENUM", "[]", "{}", "[[null]]", "{a: 1}", '""', '"\\u0000"', '"\\uD800"', '"\\u{1F600}"']
    ),
    st.sampled_from(['"""block"""', "-0", "1e400", "99999999999999999999", "1.0", "$missing", "[null, 1]", '"😀"']),
)


def text_literal(text: str) -> str:
    """The text as a GraphQL string literal."""
    escaped = "".join(c if " " <= c <= "~" and c not in '"\\' else _escape(c) for c in text)
    return f'"{escaped}"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\u{{{code:X}}}"


@dataclass
class Drawn:
    """A request that is being drawn, with the variables and fragments drawn so far."""

    schema: GraphQLSchema
    draw: Any
    declared: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def rarely(self, times: int = 12) -> bool:
        """True once in so many times."""
        return self.draw(st.integers(1, times)) == 1

    def json(self, kind: Any, depth: int = 0) -> Any:
        """A value for a variable that mostly fits the type."""
        if self.rarely():
            return self.draw(JSON)
        if isinstance(kind, GraphQLNonNull):
            return self.json(kind.of_type, depth)
        if self.rarely(8):
            return None
        if isinstance(kind, GraphQLList):
            return [self.json(kind.of_type, depth) for _ in range(self.draw(st.integers(0, 3)))]
        if isinstance(kind, GraphQLEnumType):
            return self.pick(*kind.values)
        if isinstance(kind, GraphQLInputObjectType):
            names = [
                n
                for n, f in kind.fields.items()
                if isinstance(f.type, GraphQLNonNull) or (depth < 2 and self.pick(0, 1))
            ]
            return {n: self.json(kind.fields[n].type, depth + 1) for n in names}
        return self.draw({"Int": NUMBERS, "Float": NUMBERS, "Boolean": st.booleans()}.get(kind.name, TEXTS))

    def literal(self, kind: Any, depth: int = 0) -> str:
        """A value written into the document, perhaps with variables in it."""
        if self.rarely():
            return self.draw(LITERALS)
        if self.rarely(4):
            return self.variable(kind)
        if isinstance(kind, GraphQLNonNull):
            return self.literal(kind.of_type, depth)
        if self.rarely(8):
            return "null"
        if isinstance(kind, GraphQLList):
            return "[" + ", ".join(self.literal(kind.of_type, depth) for _ in range(self.draw(st.integers(0, 3)))) + "]"
        if isinstance(kind, GraphQLEnumType):
            return self.pick(*kind.values)
        if isinstance(kind, GraphQLInputObjectType):
            names = [
                n
                for n, f in kind.fields.items()
                if isinstance(f.type, GraphQLNonNull) or (depth < 2 and self.pick(0, 1))
            ]
            return "{" + ", ".join(f"{n}: {self.literal(kind.fields[n].type, depth + 1)}" for n in names) + "}"
        if kind.name == "Boolean":
            return self.pick("true", "false")
        return str(self.draw(NUMBERS)) if kind.name in ("Int", "Float") else text_literal(self.draw(TEXTS))

    def variable(self, kind: Any) -> str:
        """A variable of the type or one like it, with or without a default and a value."""
        name = f"v{len(self.declared)}"
        declared = kind
        if self.rarely():
            declared = self.pick(*(t for t in self.schema.type_map.values() if not t.name.startswith("__")))
        elif isinstance(kind, GraphQLNonNull) and self.rarely(3):
            declared = kind.of_type
        default = f" = {self.literal(kind)}" if self.rarely(3) else ""
        self.declared[name] = f"${name}: {declared}{default.replace('$', '')}"
        if not self.rarely(5):
            self.values[name] = self.json(kind)
        return f"${name}"

    def directives(self) -> str:
        boolean = self.schema.type_map["Boolean"]
        if not self.rarely(6):
            return ""
        return self.pick(
            f"@skip(if: {self.literal(GraphQLNonNull(boolean))})",
            f"@include(if: {self.literal(GraphQLNonNull(boolean))})",
            "@skip",
            "@unknown(a: 1)",
            "@include(if: true) @include(if: true)",
            '@deprecated(reason: "x")',
        )

    def selections(self, kind: Any, depth: int) -> str:
        """A selection set on a type."""
        parts = []
        for _ in range(self.draw(st.integers(1, 3))):
            how = self.draw(st.integers(0, 11))
            if how == 0:
                on = self.pick("", f"on {kind.name}", "on Product", "on Node", "on Missing")
                parts.append(f"... {on} {self.directives()} {self.selections(kind, depth + 1)}")
            elif how == 1:
                parts.append(f"...{self.fragment(kind, depth)} {self.directives()}")
            else:
                parts.append(self.field(kind, depth))
        return "{ " + self.pick(" ", ",", "\n", "\ufeff", "#\n").join(parts) + " }"

    def fragment(self, kind: Any, depth: int) -> str:
        """The name of a fragment, old or new. It may be unknown, or spread itself."""
        if self.fragments and self.rarely(2):
            return self.pick(*self.fragments, "Missing")
        name = f"F{len(self.fragments)}"
        self.fragments[name] = ""
        self.fragments[name] = f"fragment {name} on {kind.name} {self.directives()} {self.selections(kind, depth + 1)}"
        return name

    def field(self, kind: Any, depth: int) -> str:
        """A field of the type with its arguments."""
        if self.rarely(20):
            return self.pick(
                "nonsense", "__typename { x }", "__schema { types { name } }", '__type(name: "Product") { name }'
            )
        names = [n for n, f in kind.fields.items() if depth < 4 or not is_composite_type(get_named_type(f.type))]
        if not names:
            return "__typename"
        name = self.pick("__typename", *names, *names)
        if name == "__typename":
            return name
        definition = kind.fields[name]
        arguments = [
            f"{argument}: {self.literal(of.type)}"
            for argument, of in definition.args.items()
            if isinstance(of.type, GraphQLNonNull) or self.rarely(3)
        ]
        if self.rarely(20):
            arguments.append(self.pick("nonsense: 1", *(arguments or ["a: null"])))
        argument_list = f"({', '.join(arguments)})" if arguments else ""
        alias = self.pick("", "", "", "a: ", "b: ")
        returned = get_named_type(definition.type)
        inner = (
            self.selections(returned, depth + 1)
            if isinstance(returned, GraphQLObjectType | GraphQLInterfaceType)
            else ""
        )
        if self.rarely(30):
            inner = "" if inner else "{ x }"
        return f"{alias}{name}{argument_list} {self.directives()} {inner}"


@st.composite
def requests(draw: Any, schema: GraphQLSchema) -> dict[str, Any]:
    """The body of a request: query, variables, and perhaps operationName and extensions."""
    drawn = Drawn(schema, draw)
    kind = drawn.pick("query", "query", "mutation")
    root = schema.query_type if kind == "query" else schema.mutation_type
    body = drawn.selections(root, 0)
    declared = f"({', '.join(drawn.declared.values())})" if drawn.declared else ""
    name = drawn.pick("", "Q", "Q", "query", "_1")
    text = " ".join([kind, name, declared, drawn.directives(), body, *drawn.fragments.values()])
    if drawn.rarely(15):
        text += drawn.pick(
            " query R { __typename }", " { me { id } }", " subscription S { x }", " type T { a: Int }", "}", '"'
        )
    if drawn.rarely(15):
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(TEXTS) + text[cut + draw(st.integers(0, 3)) :]
    request: dict[str, Any] = {"query": text, "variables": drawn.values}
    if drawn.rarely(4):
        request["operationName"] = draw(st.sampled_from([None, "", name, "Other"]) | TEXTS)
    if drawn.rarely(15):
        digest = draw(st.sampled_from(["a" * 64, "\ud800" * 64, ""]) | TEXTS)
        request["extensions"] = {"persistedQuery": {"version": drawn.pick(1, 2, None), "sha256Hash": digest}}
    return request
