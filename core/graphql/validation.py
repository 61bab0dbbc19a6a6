"""Parses and validates documents. An error in a literal names its input field."""

from typing import Any

from django.conf import settings
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    StringValueNode,
    ValidationContext,
    ValidationRule,
    ValueNode,
    ValuesOfCorrectTypeRule,
    specified_rules,
    validate,
)

from core.graphql.errors import MAX_ERRORS, Code
from core.graphql.inputs import input_places
from core.graphql.limits import check_shape, exceeded
from core.graphql.parsing import merge_repeated
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters
from core.patches.graphql_core import parse_document

# graphql-core counts the lines before each error.
MAX_LINES = 5_000


class DocumentRefused(Exception):
    """The document cannot be executed. No resolver ran."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        self.errors = errors
        super().__init__(errors)


def prepare(schema: GraphQLSchema, text: str, hide_suggestions: bool = False) -> DocumentNode:
    """The parsed, measured and validated document. Raises DocumentRefused."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > settings.GRAPHQL_MAX_BYTES:
        raise DocumentRefused([exceeded("bytes", size, settings.GRAPHQL_MAX_BYTES)])
    lines = 1 + text.count("\n") + text.count("\r")
    if lines > MAX_LINES:
        raise DocumentRefused([exceeded("lines", lines, MAX_LINES)])
    try:
        document = parse_document(text, settings.GRAPHQL_MAX_TOKENS)
        check_shape(document)
        merge_repeated(document)
        errors = validate(schema, document, RULES, max_errors=MAX_ERRORS, hide_suggestions=hide_suggestions)
    except RecursionError:
        raise DocumentRefused([exceeded("depth", None, settings.GRAPHQL_MAX_DEPTH)]) from None
    except GraphQLError as error:
        raise DocumentRefused([_syntax_error(error)]) from None
    if hide_suggestions:
        for invalid in errors:
            # Not every rule of graphql-core obeys hide_suggestions.
            invalid.message = invalid.message.partition(" Did you mean")[0]
    if errors:
        raise DocumentRefused(errors)
    return document


def _syntax_error(error: GraphQLError) -> GraphQLError:
    """The parser's error with its code, or the error of the limit at which the parser stopped."""
    if "code" in (error.extensions or {}):
        return error
    if error.message.endswith("nested too deeply. Parsing aborted."):
        return exceeded("depth", None, settings.GRAPHQL_MAX_DEPTH)
    if error.message.endswith("Parsing aborted."):
        return exceeded("tokens", None, settings.GRAPHQL_MAX_TOKENS)
    error.extensions = {"code": Code.PARSE_FAILED}
    return error


class _NamesFields(ValidationRule):
    """A rule about literals, whose errors are BAD_USER_INPUT with the input field."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._places: dict[int, str] | None = None

    def bad_input(self, error: GraphQLError, node: Node | None) -> None:
        """Reports the error with the path of arguments and input fields that leads to the node."""
        if self._places is None:  # one walk serves all errors of the document
            self._places = input_places(self.context.document)[0]
        extensions = {"code": Code.BAD_USER_INPUT, "field": self._places.get(id(node), "")}
        nodes = error.nodes or node
        super().report_error(GraphQLError(error.message, nodes, extensions=extensions))


class _ValuesOfCorrectType(_NamesFields, ValuesOfCorrectTypeRule):
    _node: ValueNode | None = None

    def is_valid_value_node(self, node: ValueNode) -> None:
        # The error of a scalar names no node.
        self._node = node
        super().is_valid_value_node(node)
        self._node = None

    def report_error(self, error: GraphQLError) -> None:
        self.bad_input(error, error.nodes[0] if error.nodes else self._node)


class _SafeStrings(_NamesFields):
    """Refuses string literals that no database can store."""

    def enter_string_value(self, node: StringValueNode, *_args: Any) -> None:
        if has_unsafe_characters(node.value):
            self.bad_input(GraphQLError(UNSAFE_CHARACTERS), node)


RULES = [_ValuesOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules] + [_SafeStrings]
