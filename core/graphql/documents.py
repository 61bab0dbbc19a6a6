"""Keeps validated documents in memory, so that each is parsed and validated once."""

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
from core.graphql.parsing import nodes_of, root_fields
from core.graphql.validation import DocumentRefused, prepare

logger = logging.getLogger(__name__)
# Bytes of memory of a document, of each of its nodes, and of each field of a plan and again of its generated code,
# measured with tracemalloc. Texts are counted separately.
DOCUMENT_BYTES, NODE_BYTES, PLANNED_FIELD_BYTES = 10_000, 400, 1_300
# Digests of documents that came once; the last so many are remembered.
MAX_SEEN = 5_000
# Errors are never located at these nodes, so their locations are dropped to save memory.
_WITHOUT_LOCATION = (NameNode, SelectionSetNode, ArgumentNode, NamedTypeNode)


class Operation:
    """One operation of a document, with its cost, variables and plans."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode, costs: Mapping[str, int]
    ) -> None:
        self.node = node
        self.root_fields = root_fields(document, node)
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
        return self.node.name.value if self.node.name else None

    @property
    def is_query(self) -> bool:
        return self.node.operation is OperationType.QUERY


class Document:
    """A document that is valid for the schema."""

    def __init__(self, schema: GraphQLSchema, node: DocumentNode, costs: Mapping[str, int]) -> None:
        self.node = node
        # Whether its text is registered under its hash (core.graphql.persisted).
        self.persisted = False
        self.introspects = has_strings = False
        count = text_size = 0
        for part in nodes_of(node):
            count += 1
            if isinstance(part, _WITHOUT_LOCATION):
                part.loc = None
            elif isinstance(part, FieldNode):
                self.introspects = self.introspects or part.name.value in ("__schema", "__type")
            elif isinstance(part, StringValueNode):
                has_strings = True
                text_size += getsizeof(part.value)
        self._own_size = (
            DOCUMENT_BYTES + count * NODE_BYTES + text_size + (getsizeof(node.loc.source.body) if node.loc else 0)
        )
        definitions = [part for part in node.definitions if isinstance(part, OperationDefinitionNode)]
        self.operations = {
            operation.name: operation
            for operation in (Operation(schema, node, definition, costs) for definition in definitions)
        }
        # A string written into a mutation may be a password. Documents that are sent again have variables instead.
        self.may_be_kept = not has_strings or all(operation.is_query for operation in self.operations.values())

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes. Plans grow as they are run."""
        planned = sum(operation.plans.size for operation in self.operations.values() if operation.plans is not None)
        return self._own_size + planned * PLANNED_FIELD_BYTES

    def operation(self, name: str | None) -> Operation:
        """The operation with the name; without a name (None or "", GraphQL over HTTP), the only one.

        Raises DocumentRefused.
        """
        if not name and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name not in self.operations:
            message = f"There is no operation “{name}”." if name else "`operationName` must name one of the operations."
            raise DocumentRefused([api_error(Code.VALIDATION_FAILED, message)])
        return self.operations[name]

    def clear_plans(self) -> None:
        """Frees its plans. They and their fields form cycles, which would wait for the garbage collector otherwise."""
        for operation in self.operations.values():
            if operation.plans is not None:
                operation.plans.clear()


class Documents:
    """The most recently used documents of a schema, by the SHA-256 (hex) of their texts.

    At most GRAPHQL_DOCUMENTS of them, which take at most GRAPHQL_DOCUMENTS_BYTES together.
    """

    def __init__(self, schema: GraphQLSchema, costs: Mapping[str, int]) -> None:
        self.schema, self.costs = schema, costs
        # Each document with its size when it was last used.
        self._kept: OrderedDict[str, tuple[Document, int]] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def find(self, digest: str) -> Document | None:
        entry = self._kept.get(digest)
        if entry is None:
            return None
        document, last_size = entry
        size = document.size
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                if size != last_size:
                    self._bytes += size - self._kept[digest][1]
                    self._kept[digest] = document, size
                    self._trim()
        return document

    def has(self, digest: str, document: Document | None) -> bool:
        """Whether just this document is kept."""
        return document is not None and self.find(digest) is document

    def prepare(self, text: str, *, hide_suggestions: bool = False) -> Document:
        """The document of a text, which is not kept yet. Raises DocumentRefused."""
        return Document(self.schema, prepare(self.schema, text, hide_suggestions), self.costs)

    def keep(self, digest: str, document: Document, *, at_once: bool) -> bool:
        """Keeps a document: `at_once`, or when it comes for the second time. Returns whether it is kept now."""
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
        """Removes the least recently used documents until the rest is within bounds."""
        while len(self._kept) > settings.GRAPHQL_DOCUMENTS or self._bytes > settings.GRAPHQL_DOCUMENTS_BYTES:
            _, (document, size) = self._kept.popitem(last=False)
            self._bytes -= size
            document.clear_plans()
