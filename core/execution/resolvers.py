"""Resolvers and serializers that plans run faster than others, because they say what they read."""

import ast
import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

# What strings in generated code stand for constants (core.execution.generated).
PLACEHOLDER = re.compile(r"(?:key|type|name) [0-9]+")
# No name ends with this.
_SUFFIX = "__of_field__"
Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def from_source(resolve: Resolver) -> Resolver:
    """Marks a resolver that looks at its source alone: a plan may give it None for the info."""
    resolve.from_source = True  # type: ignore[attr-defined]
    return resolve


class Attribute:
    """A resolver that reads a key of a dict, or an attribute of anything else. It calls nothing."""

    from_source = True
    __slots__ = ("default", "name")

    def __init__(self, name: str, default: Any = None) -> None:
        self.name, self.default = name, default

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        return self.read(source, info)

    def read(self, source: Any, info: Any) -> Any:
        if isinstance(source, dict):
            return source.get(self.name, self.default)
        return getattr(source, self.name, self.default)


class _Expression:
    """A Python expression of one variable and of named constants. A plan writes it into the code that it generates.

    The text is the program's own. It has no lambda, no comprehension and no `:=` to the variable. Other names that it
    assigns are its own.
    """

    signature: ClassVar[str]

    def __init__(self, text: str, **names: Any) -> None:
        self.names = names
        tree = ast.parse(text, mode="eval")
        own = {*names, *(node.target.id for node in ast.walk(tree) if isinstance(node, ast.NamedExpr))}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in own:
                node.id += _SUFFIX
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and PLACEHOLDER.fullmatch(node.value):
                raise ValueError(f"Generated code has another meaning for {node.value!r}.")
        self._text = f"({ast.unparse(tree)})"
        self.call: Callable[..., Any] = eval(f"lambda {self.signature}: {text}", {**names})  # noqa: S307 - see above

    def written(self, suffix: str) -> str:
        """The expression with an underscore and the suffix at the end of its own names."""
        return self._text.replace(_SUFFIX, f"_{suffix}")


class Expression(_Expression):
    """A resolver that is an expression of `source`, such as `Expression("source.first + source.last")`."""

    from_source = True
    signature = "source, info"

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        return self.call(source, info)


class Serializer(_Expression):
    """A scalar's `serialize` that is an expression of `value`: `Serializer(Decimal, 'format(value, "f")')`.

    A plan writes it in place for values of exactly the type, for which it must neither fail nor be null.
    """

    signature = "value"

    def __init__(self, python_type: type, text: str, **names: Any) -> None:
        super().__init__(text, **names)
        self.python_type = python_type

    def __call__(self, value: Any) -> Any:
        return self.call(value)
