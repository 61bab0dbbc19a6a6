"""From a query's text to a document that holds: parsed, measured and validated once, then kept."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.cache import cache
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    ValidationRule,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.language import Visitor

from core.graphql.compiled import Plans, Unplannable
from core.graphql.errors import Code, api_error
from core.graphql.inputs import UNSAFE, input_path
from core.graphql.limits import Cost, check_shape, cost_of, exceeded
from core.values import has_unsafe_characters

logger = logging.getLogger(__name__)
# Documents that clients registered by their hash are kept this long in the shared cache, in seconds.
PERSISTED_FOR = 30 * 24 * 3600


class DocumentRefused(Exception):
    """The document cannot be executed; nothing of it was."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        self.errors = errors
        super().__init__(errors)


@dataclass(frozen=True)
class Operation:
    """One operation of a document and what it costs."""

    node: OperationDefinitionNode
    cost: Cost
    # None: graphql-core's executor must serve it.
    plans: Plans | None

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.node.operation is OperationType.QUERY


class Document:
    """A document that holds for the schema; made once for a text."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode, costs: dict[str, int]) -> None:
        self.node = node
        self.introspects = _introspects(node)
        self.operations = {
            definition.name.value if definition.name else None: Operation(
                definition, cost_of(schema, node, definition, costs), _plans(schema, node, definition)
            )
            for definition in node.definitions
            if isinstance(definition, OperationDefinitionNode)
        }

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, the only one without a name. Raises DocumentRefused."""
        if name in (None, "") and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name not in self.operations:
            message = f"There is no operation “{name}”." if name else "`operationName` must name one of the operations."
            raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
        return self.operations[name]


def _plans(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Plans | None:
    try:
        return Plans(schema, document, operation)
    except Unplannable as reason:
        logger.warning("no plan for an operation: %s", reason)
        return None


class Documents:
    """The documents of a schema, the most recently used kept: at most as many, and of as many characters, as set."""

    def __init__(self, schema: GraphQLSchema, costs: dict[str, int]) -> None:
        self.schema, self.costs = schema, costs
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0
        self._lock = Lock()

    def get(self, text: str, *, hide_suggestions: bool = False) -> Document:
        """The document of a text. Raises DocumentRefused; what does not hold is not kept."""
        document = self._kept.get(text)
        if document is not None:
            with self._lock:
                if text in self._kept:
                    self._kept.move_to_end(text)
            return document
        document = Document(self.schema, prepare(self.schema, text, hide_suggestions), self.costs)
        with self._lock:
            if text not in self._kept:
                self._characters += len(text)
            self._kept[text] = document
            while (
                len(self._kept) > settings.GRAPHQL_DOCUMENTS or self._characters > settings.GRAPHQL_DOCUMENTS_CHARACTERS
            ):
                self._characters -= len(self._kept.popitem(last=False)[0])
        return document


def persisted_text(query: str | None, persisted: Any) -> tuple[str, str | None]:
    """The text of a request that may name it by hash, and the hash when the text is to be registered.

    (Apollo's automatic persisted queries, version 1.) Raises DocumentRefused: PERSISTED_QUERY_NOT_FOUND tells the
    client to send the text.
    """
    if persisted is None:
        return query or "", None
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str) or len(digest) != 64 or persisted.get("version") != 1:
        field = "extensions.persistedQuery"
        raise DocumentRefused(
            [api_error(Code.BAD_USER_INPUT, "persistedQuery wants version 1 and a sha256Hash.", field=field)]
        )
    if query is not None:
        if sha256(query.encode("utf-8", "surrogatepass")).hexdigest() != digest:
            message = "The sha256Hash is not that of the query."
            field = "extensions.persistedQuery.sha256Hash"
            raise DocumentRefused([api_error(Code.BAD_USER_INPUT, message, field=field)])
        return query, digest
    text = _by_hash.get(digest) or cache.get(f"persisted-query:{digest}")
    if not isinstance(text, str):
        # Apollo's clients look for this very message.
        raise DocumentRefused([api_error(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")])
    _by_hash[digest] = text
    return text, None


def register(digest: str, text: str) -> None:
    """Keeps a text that holds under its hash, for all processes that share the cache."""
    if _by_hash.get(digest) is None:
        cache.set(f"persisted-query:{digest}", text, PERSISTED_FOR)
        _by_hash[digest] = text


class _Bounded(OrderedDict[str, str]):
    """A dict that forgets its oldest entries."""

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        while len(self) > settings.GRAPHQL_DOCUMENTS:
            self.popitem(last=False)


_by_hash = _Bounded()


class _ValuesOfCorrectType(ValuesOfCorrectTypeRule):
    """Refuses literals of a wrong type as the user's input error, naming the field."""

    def report_error(self, error: GraphQLError) -> None:
        """Adds the code, and the path of arguments and input fields that leads to the value."""
        field = input_path(self.context.document, error.nodes[0]) if error.nodes else ""
        error.extensions = {"code": Code.BAD_USER_INPUT, "field": field}
        super().report_error(error)


class _SafeStrings(ValidationRule):
    """Refuses string literals that no database can store."""

    def enter_string_value(self, node: StringValueNode, *_args: Any) -> None:
        """Reports a literal with a NUL or a lone surrogate."""
        if has_unsafe_characters(node.value):
            extensions = {"code": Code.BAD_USER_INPUT, "field": input_path(self.context.document, node)}
            self.report_error(GraphQLError(UNSAFE, node, extensions=extensions))


RULES = [_ValuesOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules] + [_SafeStrings]


def prepare(schema: GraphQLSchema, text: str, hide_suggestions: bool = False) -> DocumentNode:
    """The parsed, measured and validated document. Raises DocumentRefused."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > settings.GRAPHQL_MAX_BYTES:
        raise DocumentRefused([exceeded("bytes", size, settings.GRAPHQL_MAX_BYTES)])
    try:
        document = parse(text, max_lexical_tokens=settings.GRAPHQL_MAX_TOKENS, max_comments=settings.GRAPHQL_MAX_TOKENS)
        check_shape(document)
        errors = validate(schema, document, RULES, max_errors=20, hide_suggestions=hide_suggestions)
    except RecursionError:
        raise DocumentRefused([exceeded("depth", None, settings.GRAPHQL_MAX_DEPTH)]) from None
    except GraphQLError as error:
        if "code" not in (error.extensions or {}):
            if error.message.endswith("nested too deeply. Parsing aborted."):
                error = exceeded("depth", None, settings.GRAPHQL_MAX_DEPTH)
            elif error.message.endswith("Parsing aborted."):
                error = exceeded("tokens", None, settings.GRAPHQL_MAX_TOKENS)
            else:
                error.extensions = {"code": Code.PARSE_FAILED}
        raise DocumentRefused([error]) from None
    if errors:
        raise DocumentRefused(errors)
    return document


def _introspects(document: DocumentNode) -> bool:
    """Whether the document asks about the schema."""
    found = False

    class Finder(Visitor):
        def enter_field(self, node: FieldNode, *_args: Any) -> None:
            nonlocal found
            found = found or node.name.value in ("__schema", "__type")

    visit(document, Finder())
    return found
