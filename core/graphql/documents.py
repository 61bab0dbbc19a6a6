"""The documents of a schema: measured and validated once, then kept as far as memory is granted for them."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from sys import getsizeof
from threading import Lock

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
)
from graphql.language import ArgumentNode, NamedTypeNode

from core.execution import Plans, Unplannable
from core.graphql.errors import Code, api_error
from core.graphql.inputs import Variables
from core.graphql.limits import cost_of
from core.graphql.parsing import nodes_of
from core.graphql.validation import DocumentRefused, prepare

logger = logging.getLogger(__name__)
# Bytes that a document, each node of it and each field of a plan hold (measured with tracemalloc; texts besides).
DOCUMENT_BYTES, NODE_BYTES, PLANNED_FIELD_BYTES = 10_000, 400, 2_700
# Documents that were seen once are known by their digest alone, so many of the last.
MAX_SEEN = 5_000
# No error is ever located at these: their place is not worth its memory.
_PLACELESS = (NameNode, SelectionSetNode, ArgumentNode, NamedTypeNode)


class Operation:
    """One operation of a document, what it costs and what it wants to be given."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode, costs: Mapping[str, int]
    ) -> None:
        self.node = node
        self.cost = cost_of(schema, document, node, costs)
        self.variables = Variables(schema, document, node)
        # None: graphql-core's executor must serve it.
        self.plans: Plans | None = None
        try:
            self.plans = Plans(schema, document, node)
        except Unplannable as reason:
            logger.warning("no plan for an operation: %s", reason)

    @property
    def name(self) -> str | None:
        """Its name in the document."""
        return self.node.name.value if self.node.name else None

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.node.operation is OperationType.QUERY


class Document:
    """A document that holds for the schema; made once for a text."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode, costs: Mapping[str, int]) -> None:
        self.node = node
        # Whether it was registered under its hash.
        self.persisted = False
        self.introspects = has_strings = False
        count = held = 0
        for part in nodes_of(node):
            count += 1
            if isinstance(part, _PLACELESS):
                part.loc = None
            elif isinstance(part, FieldNode):
                self.introspects = self.introspects or part.name.value in ("__schema", "__type")
            elif isinstance(part, StringValueNode):
                has_strings = True
                held += getsizeof(part.value)
        self._own_size = (
            DOCUMENT_BYTES + count * NODE_BYTES + held + (getsizeof(node.loc.source.body) if node.loc else 0)
        )
        definitions = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
        self.operations = {
            operation.name: operation
            for operation in (Operation(schema, node, definition, costs) for definition in definitions)
        }
        # The strings within a mutation are one caller's own, a password perhaps: a client that means to send a document
        # again uses variables for them.
        self.may_be_kept = not has_strings or all(operation.is_query for operation in self.operations.values())

    @property
    def size(self) -> int:
        """About how many bytes of memory it holds; plans grow as they are run."""
        planned = sum(operation.plans.size for operation in self.operations.values() if operation.plans is not None)
        return self._own_size + planned * PLANNED_FIELD_BYTES

    def operation(self, name: str | None) -> Operation:
        """The operation of this name; the only one when there is none, or "" (as GraphQL over HTTP says).

        Raises DocumentRefused.
        """
        if not name and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name not in self.operations:
            message = f"There is no operation “{name}”." if name else "`operationName` must name one of the operations."
            raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
        return self.operations[name]

    def let_go(self) -> None:
        """Parts with its plans: their closures form cycles, which would wait for the collector."""
        for operation in self.operations.values():
            if operation.plans is not None:
                operation.plans.clear()


class Documents:
    """The documents of a schema by the SHA-256 (hex) of their texts, the most recently used kept.

    At most GRAPHQL_DOCUMENTS, holding at most GRAPHQL_DOCUMENTS_BYTES together.
    """

    def __init__(self, schema: GraphQLSchema, costs: Mapping[str, int]) -> None:
        self.schema, self.costs = schema, costs
        # Each with what it was last known to hold.
        self._kept: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def find(self, digest: str) -> Document | None:
        """The kept document of a text."""
        kept = self._kept.get(digest)
        if kept is None:
            return None
        document, known = kept
        size = document.size
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                if size != known:
                    self._bytes += size - self._kept[digest][1]
                    self._kept[digest] = document, size
                    self._trim()
        return document

    def prepare(self, text: str, *, hide_suggestions: bool = False) -> Document:
        """The document of a text, kept nowhere. Raises DocumentRefused."""
        return Document(self.schema, prepare(self.schema, text, hide_suggestions), self.costs)

    def keep(self, digest: str, document: Document, *, at_once: bool) -> bool:
        """Keeps a document, a stranger's (not `at_once`) when it comes for the second time. Whether it is kept now."""
        with self._lock:
            if digest in self._kept:
                return self._kept[digest][0] is document
            if not document.may_be_kept:
                return False
            if not at_once and digest not in self._seen:
                self._seen[digest] = None
                if len(self._seen) > MAX_SEEN:
                    self._seen.popitem(last=False)
                return False
            self._seen.pop(digest, None)
            size = document.size
            self._kept[digest] = document, size
            self._bytes += size
            self._trim()
            return digest in self._kept

    def _trim(self) -> None:
        """Lets the least recently used go until the rest is within bounds."""
        while len(self._kept) > settings.GRAPHQL_DOCUMENTS or self._bytes > settings.GRAPHQL_DOCUMENTS_BYTES:
            _, (document, size) = self._kept.popitem(last=False)
            self._bytes -= size
            document.let_go()
