"""Serves a schema: finds the document of a call, checks permission and cost, and executes the operation.

The answer to a catalogue query that was asked before may be a kept one (core.graphql.answers).
"""

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from graphql import ExecutionResult, GraphQLSchema, execute

from core.auth.policy import is_staff
from core.auth.tokens import Reason
from core.caching import revision
from core.graphql import persisted
from core.graphql.answers import Answer, Answers, CatalogueRules, KeptAnswer
from core.graphql.authentication import token_error
from core.graphql.documents import Document, Documents, Operation
from core.graphql.errors import Code, api_error, formatted
from core.graphql.limits import exceeded
from core.graphql.requests import BadRequest, Call, call_text, parse_call
from core.graphql.trusted import TrustedDocuments, untrusted
from core.graphql.validation import DocumentRefused
from core.telemetry.metrics import PLANLESS
from core.telemetry.recording import note
from core.throttling.budget import charge, preparation_cost, refusal_cost

# Characters of an operation's name that go to logs and metrics. A client may send a name of any length.
MAX_NAME_LENGTH = 100


class Server:
    """A schema, the costs of its fields (see core.graphql.limits), its validated documents and its kept answers."""

    def __init__(self, schema: GraphQLSchema, costs: Mapping[str, int], catalogue: CatalogueRules) -> None:
        self.documents = Documents(schema, costs)
        self.trusted = TrustedDocuments.load(settings.GRAPHQL_TRUSTED_DOCUMENTS)
        self.answers = Answers(catalogue, self.documents)

    def answer(self, request: HttpRequest, media_type: str, bad_token: Reason | None) -> Answer:
        """The answer to a request. `bad_token` says why its token is invalid, if it is.

        Raises DocumentRefused, BadRequest and Throttled, all before any resolver runs. Refusals are charged too.
        """
        try:
            text = call_text(request)
            key = None if bad_token or text is None else self.answers.key(request, text, media_type)
            if key is not None and (kept := self.answers.find(key)) is not None:
                return _given_again(request, kept)
            return self._executed(request, parse_call(request, text), bad_token, key)
        except (DocumentRefused, BadRequest):
            charge(request, refusal_cost(request))
            raise

    def _executed(self, request: HttpRequest, call: Call, bad_token: Reason | None, key: bytes | None) -> Answer:
        """The answer to a call, whose document is parsed and validated unless it is known."""
        digest, text = self._requested(call)
        document = self.documents.find(digest)
        if document is not None and (text is not None or document.persisted):
            return self._run(request, call, document, digest, bad_token, key)
        document = self._prepare(request, persisted.find(digest) if text is None else text)
        document.persisted = call.query is None
        try:
            return self._run(request, call, document, digest, bad_token, key)
        finally:
            if not self.documents.has(digest, document):
                document.clear_plans()

    def _requested(self, call: Call) -> tuple[str, str | None]:
        """The SHA-256 of the call's document, and its text if that is known already. Raises DocumentRefused."""
        digest, text = persisted.requested_digest(call.query, call.persisted), call.query
        if text is None:
            digest = digest or call.document_id or ""
            text = self.trusted.text(digest)
        if text is not None:
            digest = persisted.sha256_hex(text)
        if settings.GRAPHQL_TRUSTED_ONLY and not self.trusted.has(digest or ""):
            raise persisted.not_found() if call.query is None else untrusted()
        return digest or "", text

    def _prepare(self, request: HttpRequest, text: str) -> Document:
        """Parses and validates a text, and charges for its length. Raises DocumentRefused, Throttled."""
        if cost := preparation_cost(text):
            charge(request, cost)
        return self.documents.prepare(text, hide_suggestions=not _may_introspect(request))

    def _run(
        self,
        request: HttpRequest,
        call: Call,
        document: Document,
        digest: str,
        bad_token: Reason | None,
        key: bytes | None,
    ) -> Answer:
        """Executes one operation of a valid document, and keeps the document if the call is not refused."""
        operation = document.operation(call.operation_name)
        _check_rights(request, document, operation, bad_token)
        name, kind = (operation.name or "")[:MAX_NAME_LENGTH] or None, operation.node.operation.value
        facts = {"operation": name, "operation_type": kind}
        note(**facts)
        if not operation.is_query:
            # What a write decides by, it reads from the database.
            revision.forget()
        variables = operation.variables.coerce(call.variables)
        if isinstance(variables, list):
            raise DocumentRefused(variables)
        cost = operation.cost.total(variables, {})
        if cost > settings.GRAPHQL_MAX_COST:
            raise DocumentRefused([exceeded("cost", cost, settings.GRAPHQL_MAX_COST)])
        charge(request, cost)
        # Only now: a refused call, also one refused for its cost, must leave nothing in memory.
        self._keep(request, call, document, digest)

        def compute() -> Answer:
            return _answer(self._execute(request, call, document, operation, variables), cost)

        if key is None or call.registers or not self.answers.cover(operation):
            return compute()
        return self.answers.computed(request, key, compute, digest, document, cost=cost, facts=facts)

    def _keep(self, request: HttpRequest, call: Call, document: Document, digest: str) -> None:
        """Keeps the document for the next call, and registers its text when the client asks for that."""
        is_member = request.user.is_authenticated
        self.documents.keep(digest, document, at_once=is_member or self.trusted.has(digest))
        if call.registers and call.query is not None and document.may_be_kept and not document.persisted:
            document.persisted = persisted.register(digest, call.query, is_member=is_member)

    def _execute(
        self, request: HttpRequest, call: Call, document: Document, operation: Operation, variables: dict[str, Any]
    ) -> ExecutionResult:
        """Runs the operation's plan, or graphql-core's executor when there is no plan or the setting says so."""
        if settings.GRAPHQL_EXECUTION == "compiled":
            if operation.plans is not None:
                return operation.plans.execute(None, request, variables)
            PLANLESS.inc()
        result = execute(
            self.documents.schema,
            document.node,
            context_value=request,
            variable_values=call.variables,
            operation_name=operation.name,
        )
        return asyncio.run(result) if inspect.iscoroutine(result) else result  # type: ignore[return-value]


def _given_again(request: HttpRequest, kept: KeptAnswer) -> Answer:
    """A kept answer, noted and charged as if its operation were executed. Raises Throttled."""
    note(**kept.facts)
    charge(request, kept.cost)
    kept.do_again()
    return kept.answer


def _answer(result: ExecutionResult, cost: int) -> Answer:
    """The body of the response to an executed operation, which may have errors in some fields."""
    answer: dict[str, Any] = {}
    if result.errors:
        note(errors=len(result.errors))
        answer["errors"] = [formatted(error) for error in result.errors]
    answer["data"] = result.data
    answer["extensions"] = {"cost": {"requested": cost, "maximum": settings.GRAPHQL_MAX_COST}}
    return Answer(orjson.dumps(answer), has_errors=bool(result.errors))


def _may_introspect(request: HttpRequest) -> bool:
    """Whether the client may query the schema, and gets suggestions of names in errors."""
    return settings.GRAPHQL_INTROSPECTION or is_staff(request.user)


def _check_rights(request: HttpRequest, document: Document, operation: Operation, bad_token: Reason | None) -> None:
    """Raises DocumentRefused or BadRequest for an operation that this request may not execute."""
    if bad_token is not None and (error := token_error(bad_token, operation)):
        raise DocumentRefused([error])
    if document.introspects and not _may_introspect(request):
        raise DocumentRefused([api_error(Code.VALIDATION_FAILED, "Only staff may query the schema here.")])
    if request.method != "POST" and not operation.is_query:
        raise BadRequest("Only queries are served over GET.", 405, Allow="POST")
