"""Coerces the variables of a request. An error names the input field in which the variable is used."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    ValidationContext,
    VariableDefinitionNode,
    VariableNode,
    is_non_null_type,
    type_from_ast,
    value_from_ast,
)
from graphql.pyutils import Undefined

from core.graphql.errors import MAX_ERRORS, Code, api_error
from core.graphql.limits import exceeded
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

Path = tuple[Any, ...]


class _Stop(Exception):
    """MAX_ERRORS is reached, or there are more values than GRAPHQL_MAX_VALUES."""


class Variables:
    """The variables that an operation declares."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema, self._document, self._operation = schema, document, operation
        self._definitions: list[tuple[str, Any, VariableDefinitionNode]] = [
            (definition.variable.name.value, type_from_ast(schema, definition.type), definition)
            for definition in operation.variable_definitions
        ]
        # Nullable variables that are used where null is not allowed, with the path of that use. Computed when the first
        # null arrives.
        self._non_null_uses: dict[str, str] | None = None

    def coerce(self, variables: dict[str, Any]) -> dict[str, Any] | list[GraphQLError]:
        """The values with defaults filled in (GraphQL specification §6.1.2), or the errors.

        At most MAX_ERRORS errors, each BAD_USER_INPUT with the input field in which the variable is used; or one
        LIMIT_EXCEEDED for more than GRAPHQL_MAX_VALUES values. Takes time linear in the number of values.
        """
        coercion = _Coercion(settings.GRAPHQL_MAX_VALUES)
        values: dict[str, Any] = {}
        try:
            for name, kind, definition in self._definitions:
                coercion.definition = definition
                if name in variables:
                    values[name] = coercion.value(variables[name], kind, ())
                elif definition.default_value is not None:
                    values[name] = value_from_ast(definition.default_value, kind)
                elif is_non_null_type(kind):
                    coercion.refuse(f"The variable ${name} is required.", ())
            if None in values.values():
                self._check_nulls(values, coercion)
        except _Stop:
            pass
        except RecursionError:
            coercion.problems.append(Problem("The variable is nested too deeply.", (), coercion.definition))
        if coercion.left < 0:
            field = self._place(coercion.definition, input_places(self._document)[1])
            return [exceeded("values in the variables", None, settings.GRAPHQL_MAX_VALUES, field=field)]
        return self._errors(coercion.problems) if coercion.problems else values

    def _check_nulls(self, values: dict[str, Any], coercion: "_Coercion") -> None:
        """Refuses null for a nullable variable whose default lets it be used where null is not allowed (§5.8.5)."""
        if self._non_null_uses is None:
            places = input_places(self._document)[0]
            context = ValidationContext(self._schema, self._document, TypeInfo(self._schema), lambda error: None)
            self._non_null_uses = {
                usage.node.name.value: places[id(usage.node)]
                for usage in context.get_recursive_variable_usages(self._operation)
                if is_non_null_type(usage.type)
            }
        for name, _, definition in self._definitions:
            if name in self._non_null_uses and name in values and values[name] is None:
                coercion.definition = definition
                coercion.refuse(f"The variable ${name} must not be null here.", (), self._non_null_uses[name])

    def _errors(self, problems: "list[Problem]") -> list[GraphQLError]:
        """The errors as the client sees them. The document is walked once for all of them."""
        used = input_places(self._document)[1]
        return [
            api_error(
                Code.BAD_USER_INPUT,
                problem.message,
                problem.definition,
                field=".".join([problem.place or self._place(problem.definition, used), *map(str, problem.path)]),
            )
            for problem in problems
        ]

    @staticmethod
    def _place(definition: VariableDefinitionNode, used: dict[str, str]) -> str:
        """Where the variable is used first; its own name when it is used nowhere."""
        name = definition.variable.name.value
        return used.get(name) or name


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a value, and its path within the variable.

    `place` is the input field in which the variable is used, when that is not its first use.
    """

    message: str
    path: Path
    definition: VariableDefinitionNode
    place: str | None = None


class _Coercion:
    """One walk through a request's values (§3, "Input Coercion" of each kind of type), up to the limits."""

    def __init__(self, max_values: int) -> None:
        self.problems: list[Problem] = []
        self.left = max_values
        self.definition: VariableDefinitionNode = None  # type: ignore[assignment]

    def refuse(self, message: str, path: Path, place: str | None = None) -> Any:
        """Records a problem. Raises _Stop when MAX_ERRORS is reached."""
        self.problems.append(Problem(message, path, self.definition, place))
        if len(self.problems) >= MAX_ERRORS:
            raise _Stop
        return Undefined

    def value(self, value: Any, kind: Any, path: Path) -> Any:
        """The coerced value; Undefined when an error was recorded."""
        self.left -= 1
        if self.left < 0:
            raise _Stop
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                return self.refuse(f"Expected non-nullable type '{kind}' not to be None.", path)
            kind = kind.of_type
        elif value is None:
            return None
        if isinstance(kind, GraphQLList):
            coerce, item_type = self.value, kind.of_type
            if isinstance(value, list | tuple):
                return [coerce(item, item_type, (*path, index)) for index, item in enumerate(value)]
            return [coerce(value, item_type, path)]
        if isinstance(kind, GraphQLInputObjectType):
            return self.object(value, kind, path)
        return self.leaf(value, kind, path)

    def object(self, value: Any, kind: GraphQLInputObjectType, path: Path) -> Any:
        if not isinstance(value, dict):
            return self.refuse(f"Expected type '{kind.name}' to be a mapping.", path)
        fields, coerced = kind.fields, {}
        for name, field in fields.items():
            if name in value:
                coerced[field.out_name or name] = self.value(value[name], field.type, (*path, name))
            elif field.default_value is not Undefined:
                coerced[field.out_name or name] = field.default_value
            elif is_non_null_type(field.type):
                self.refuse(f"Field '{name}' of required type '{field.type}' was not provided.", path)
        if not value.keys() <= fields.keys():
            for name in value:
                if name not in fields:
                    self.refuse(f"Field '{name}' is not defined by type '{kind.name}'.", path)
        if kind.is_one_of and (len(coerced) != 1 or None in coerced.values()):
            self.refuse(f"Exactly one key must be specified for OneOf type '{kind.name}', and not null.", path)
        return kind.out_type(coerced)

    def leaf(self, value: Any, kind: Any, path: Path) -> Any:
        """Coerces a scalar or an enum. Messages suggest no names, because strangers may not see the schema."""
        if isinstance(value, str) and has_unsafe_characters(value):
            return self.refuse(UNSAFE_CHARACTERS, path)
        try:
            parsed = kind.parse_value(value, True) if isinstance(kind, GraphQLEnumType) else kind.parse_value(value)
        except GraphQLError as error:
            return self.refuse(error.message, path)
        except Exception as error:
            return self.refuse(f"Expected type '{kind.name}'. {error}", path)
        return self.refuse(f"Expected type '{kind.name}'.", path) if parsed is Undefined else parsed


def input_places(document: DocumentNode) -> tuple[dict[int, str], dict[str, str]]:
    """The paths of arguments and input fields, such as "filter.price.min", that lead to the document's input values.

    The first dict is keyed by the `id` of the node. The second has the path of each variable's first use by the
    variable's name. A value in a variable's default has the path of that use.
    """
    places: dict[int, str] = {}
    used: dict[str, str] = {}
    defaults: list[VariableDefinitionNode] = []

    def walk(node: Any, path: str) -> None:
        if isinstance(node, tuple):
            for item in node:
                walk(item, path)
            return
        if not isinstance(node, Node):
            return
        if isinstance(node, VariableDefinitionNode):
            defaults.append(node)
            return
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            path = f"{path}.{node.name.value}" if path else node.name.value
        elif isinstance(node, VariableNode):
            used.setdefault(node.name.value, path)
        places[id(node)] = path
        for key in node.keys:
            if key != "loc":
                walk(getattr(node, key), path)

    walk(document, "")
    for definition in tuple(defaults):
        name = definition.variable.name.value
        walk(definition.default_value, used.get(name) or name)
        walk(definition.directives, "")
    return places, used
