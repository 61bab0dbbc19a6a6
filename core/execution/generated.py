"""Generates a Python function for the fields of a selection on one type. README.md shows one.

The function is straight-line code: for each field it reads the value, shows an ordinary value as it is, and hands all
others (null, an exception, an awaitable, a value of another type) to the field. When something raises, `resume` handles
the error and interprets the fields that are left.

The source has nothing of the document in it: names end with the field's number, and each string is a placeholder for a
constant of the compiled code. So documents share what was compiled, and no text of a client is ever compiled.
"""

import builtins
from enum import Enum
from functools import lru_cache, partial
from keyword import iskeyword
from types import CodeType, FunctionType
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
)

from core.execution.completion import AS_THEY_ARE, execute_field, finish, finish_item
from core.execution.fields import Below, Field, Function
from core.execution.paths import RawPath
from core.execution.resolvers import Attribute, Expression, Serializer
from core.execution.run import Run

# Compiled code that is kept to be shared by plans: how much, and characters of source of each. Together they are 2 MB.
MAX_SHARED, MAX_SHARED_LENGTH = 128, 4_000
_START = """def selection(run, source, path):
    data = {}
    try:
"""
_END = """    except Exception as error:
        return resume(fields, run, source, path, data, error)
    return data
"""
# What GraphQL's numbers may be, of which floats are neither infinite nor NaN.
_RANGES: dict[GraphQLOutputType, str] = {
    GraphQLInt: "type(value) is int and -2147483648 <= value <= 2147483647",
    GraphQLFloat: "type(value) is float and -1.7976931348623157e308 <= value <= 1.7976931348623157e308",
}


def generate(name: str, fields: list[Field], source: Any) -> Function:
    """The function for sources of the type of this one. It refers to what is selected below, so it is in no cycle."""
    writer = _Writer(source)
    for n, field in enumerate(fields):
        writer.write(n, field)
    source_code = "".join([_START, *(writer.lines or ["        pass\n"]), _END])
    code = (_compiled if len(source_code) <= MAX_SHARED_LENGTH else _compiled.__wrapped__)(source_code)
    # Each function has a code of its own, because Python specializes code for what it meets.
    code = code.replace(
        co_consts=tuple([writer.constants.get(c, c) if type(c) is str else c for c in code.co_consts]),
        co_name=name,
        co_qualname=name,
    )
    names = {"__name__": __name__, "__builtins__": builtins, "resume": resume, "fields": fields, **writer.names}
    return FunctionType(code, names, name)


@lru_cache(maxsize=MAX_SHARED)
def _compiled(source: str) -> CodeType:
    module = compile(source, "<plan>", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def resume(
    fields: list[Field], run: Run, source: Any, path: RawPath | None, data: dict[str, Any], error: Exception
) -> dict[str, Any]:
    """Handles the error of the first field that `data` lacks, and interprets those after it."""
    field, *rest = fields[len(data) :]
    if isinstance(field.resolve, Attribute) and isinstance(error, AttributeError | KeyError):
        # The source may lack it: this reads the default.
        data[field.key] = execute_field(field, run, source, path)
    else:
        field.handle(run, error, (path, field.key, field.parent_type.name), is_nullable=field.is_nullable)
        data[field.key] = None
    for field in rest:
        data[field.key] = execute_field(field, run, source, path)
    return data


class _Writer:
    """Writes the lines of one function, field by field."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.lines: list[str] = []
        # What the function's global names stand for, and what its strings do.
        self.names: dict[str, Any] = {}
        self.constants: dict[str, str] = {}

    def write(self, n: int, field: Field) -> None:
        """Reads a field's value, completes it (§6.4.3) and puts it into `data`."""
        self.constants[f"key {n}"], self.constants[f"type {n}"] = field.key, field.parent_type.name
        if field.is_typename:
            return self._line(f"data['key {n}'] = 'type {n}'")
        self._line(f"value = {self._read(n, field)}")
        self.names[f"finish{n}"] = partial(finish, field)
        finished, place = f"finish{n}(run, value, path)", f"(path, 'key {n}', 'type {n}')"
        kind = _nullable(field.type)
        if not isinstance(kind, GraphQLList):
            self._line(f"data['key {n}'] = {self._shown(n, field, field.type, place, finished)}")
        elif _has_plain_items(kind, field):
            self.names[f"finish_item{n}"] = partial(finish_item, field)
            finished_item = f"finish_item{n}(run, value, (place, index, None))"
            item = self._shown(n, field, kind.of_type, "(place, index, None)", finished_item)
            self._line("if type(value) is list:")
            self._line(f"    place = {place}")
            self._line("    items = []")
            self._line("    for index, value in enumerate(value):")
            self._line(f"        items.append({item})")
            self._line(f"    data['key {n}'] = items")
            self._line("else:")
            self._line(f"    data['key {n}'] = {finished}")
        else:
            self._line(f"data['key {n}'] = {finished}")
        return None

    def _line(self, text: str) -> None:
        self.lines.append(f"        {text}\n")

    def _read(self, n: int, field: Field) -> str:
        """The expression of what the resolver returns."""
        resolve = field.resolve
        if field.reads_source and isinstance(resolve, Attribute):
            return self._attribute(n, resolve)
        if field.reads_source and isinstance(resolve, Expression):
            return self._written(f"{n}", resolve)
        self.names[f"resolve{n}"] = resolve
        if field.reads_source:
            return f"resolve{n}(source, None)"
        self.names[f"info{n}"] = field.info
        info = f"info{n}(run, (path, 'key {n}', 'type {n}'))"
        if field.arguments is None:
            self.names[f"arguments{n}"] = field.coerced_arguments
            return f"resolve{n}(source, {info}, **arguments{n}(run))"
        if field.arguments:
            self.names[f"arguments{n}"] = field.arguments
            return f"resolve{n}(source, {info}, **arguments{n})"
        return f"resolve{n}(source, {info})"

    def _attribute(self, n: int, attribute: Attribute) -> str:
        """What Attribute.read returns. What the source at hand lacks, others of its type may lack too."""
        name, source = attribute.name, self._source
        self.constants[f"name {n}"], self.names[f"default{n}"] = name, attribute.default
        if isinstance(source, dict):
            is_there = type(source) is dict and name in source
            return f"source['name {n}']" if is_there else f"source.get('name {n}', default{n})"
        is_there = name in getattr(source, "__dict__", ()) or hasattr(type(source), name)
        if is_there and name.isascii() and name.isidentifier() and not iskeyword(name):
            return f"source.{name}"
        return f"getattr(source, 'name {n}', default{n})"

    def _written(self, suffix: str, expression: Expression | Serializer) -> str:
        """The expression, with names that are its own."""
        self.names.update({f"{name}_{suffix}": value for name, value in expression.names.items()})
        return expression.written(suffix)

    def _shown(self, n: int, field: Field, kind: GraphQLOutputType, place: str, finished: str) -> str:
        """The expression of `value` as it is shown: an ordinary one at once, all others by `finished`."""
        if not isinstance(kind, GraphQLNonNull):
            finished = f"None if value is None else {finished}"
        kind = _nullable(kind)
        if kind in _RANGES:
            return f"value if {_RANGES[kind]} else {finished}"
        if kind in AS_THEY_ARE:
            return f"value if type(value) is {AS_THEY_ARE[kind].__name__} else {finished}"
        if isinstance(kind, GraphQLObjectType) and kind.is_type_of is None and (below := _below(field, kind)):
            self.names[f"below{n}"] = below
            return f"below{n}.function(run, value, {place}) if type(value) is below{n}.source_type else {finished}"
        serialize = getattr(kind, "serialize", None)
        if isinstance(serialize, Serializer):
            self.names[f"type{n}"] = serialize.python_type
            return f"{self._written(f'{n}s', serialize)} if type(value) is type{n} else {finished}"
        if isinstance(kind, GraphQLEnumType):
            self.names[f"texts{n}"], self.names[f"types{n}"] = _texts(kind)
            return f"texts{n}[value] if type(value) in types{n} and value in texts{n} else {finished}"
        return finished


def _nullable(kind: Any) -> Any:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _has_plain_items(kind: GraphQLList[Any], field: Field) -> bool:
    """Whether items need no error of their own, since an error of an item that may not be null is the list's."""
    item_type = kind.of_type
    return (
        isinstance(item_type, GraphQLNonNull) and not isinstance(item_type.of_type, GraphQLList)
    ) and not field.wants_info


def _below(field: Field, kind: GraphQLObjectType) -> Below | None:
    """What is selected below the field. None when that has an error, which is raised when a value is completed."""
    try:
        return field.selection[kind]
    except (GraphQLError, RecursionError):
        return None


def _texts(kind: GraphQLEnumType) -> tuple[dict[Any, str], set[type]]:
    """How an enum's values are shown, and their types. A Python enum's also by what its members stand for, if
    `serialize` takes that.
    """
    texts: dict[Any, str] = {}
    types: set[type] = set()
    for value in kind.values.values():
        member = value.value
        for shown in (member, member.value) if isinstance(member, Enum) else (member,):
            if isinstance(shown, str | int | Enum):
                try:
                    text = kind.serialize(shown)
                except GraphQLError:
                    continue
                if texts.setdefault(shown, text) != text:
                    return {}, set()
                # A member may equal what it stands for: both have one key.
                types.add(type(shown))
    return texts, types
