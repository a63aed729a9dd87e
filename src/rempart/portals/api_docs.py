"""An OpenAPI document turned into what a page can list, without a script from elsewhere.

Reads the parts of OpenAPI 3 that the gateway uses; what it does not know it leaves out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

_VERBS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH: Final = 6
PROBLEM_TYPE: Final = "application/problem+json"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One field of a body: its path from the top, its type, whether it must be there.

    `shape` says in which shape of a choice the field is found; empty: in all of them.
    """

    path: str
    type: str
    required: bool
    description: str
    shape: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterLine:
    """One parameter of a header, the query or the path."""

    name: str
    place: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLine:
    """One answer: status, what it means, its media type, its fields and an example."""

    status: str
    description: str
    media_type: str
    fields: tuple[FieldLine, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One verb on one path."""

    verb: str
    path: str
    anchor: str
    summary: str
    description: str
    needs_key: bool
    parameters: tuple[ParameterLine, ...]
    fields: tuple[FieldLine, ...]
    examples: tuple[str, ...]
    responses: tuple[ResponseLine, ...]

    @property
    def answers(self) -> tuple[ResponseLine, ...]:
        """The responses that are no problem documents."""
        return tuple(one for one in self.responses if one.media_type != PROBLEM_TYPE)

    @property
    def problems(self) -> tuple[ResponseLine, ...]:
        """The responses that are: they all have the same fields."""
        return tuple(one for one in self.responses if one.media_type == PROBLEM_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The whole description."""

    title: str
    version: str
    description: str
    operations: tuple[Operation, ...]


def describe_api(document: Mapping[str, Any]) -> Api:
    """Turn an OpenAPI document into a page's worth of lists, in the document's order."""
    info = document.get("info", {})
    return Api(
        title=info.get("title", ""),
        version=info.get("version", ""),
        description=info.get("description", ""),
        operations=tuple(_list_operations(document)),
    )


def _list_operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document.get("paths", {}).items():
        for verb in _VERBS:
            if verb in item:
                yield _describe_operation(document, path, verb, item[verb])


def _describe_operation(
    document: Mapping[str, Any], path: str, verb: str, operation: Mapping[str, Any]
) -> Operation:
    body = _resolve(document, operation.get("requestBody", {}))
    _, content = _first_content(body)
    return Operation(
        verb=verb.upper(),
        path=path,
        anchor=f"{verb}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        needs_key=bool(operation.get("security", document.get("security", []))),
        parameters=tuple(
            _describe_parameter(_resolve(document, parameter))
            for parameter in operation.get("parameters", [])
        ),
        fields=tuple(_list_fields(document, content.get("schema", {}))),
        examples=_list_examples(document, content),
        responses=tuple(
            _describe_response(document, str(status), _resolve(document, response))
            for status, response in operation.get("responses", {}).items()
        ),
    )


def _describe_parameter(parameter: Mapping[str, Any]) -> ParameterLine:
    return ParameterLine(
        name=parameter.get("name", ""),
        place=parameter.get("in", ""),
        required=parameter.get("required", False),
        description=parameter.get("description", ""),
    )


def _describe_response(
    document: Mapping[str, Any], status: str, response: Mapping[str, Any]
) -> ResponseLine:
    media_type, content = _first_content(response)
    return ResponseLine(
        status=status,
        description=response.get("description", ""),
        media_type=media_type,
        fields=tuple(_list_fields(document, content.get("schema", {}))),
        examples=_list_examples(document, content),
    )


def _first_content(holder: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    return next(iter(holder.get("content", {}).items()), ("", {}))


def _list_examples(document: Mapping[str, Any], content: Mapping[str, Any]) -> tuple[str, ...]:
    values = [content["example"]] if "example" in content else []
    values += [
        _resolve(document, example).get("value") for example in content.get("examples", {}).values()
    ]
    return tuple(json.dumps(value, ensure_ascii=False, indent=2) for value in values)


def _list_fields(
    document: Mapping[str, Any], schema: Schema, prefix: str = "", depth: int = 0
) -> Iterator[FieldLine]:
    """Walk a schema depth first, in the document's order."""
    schema = _resolve(document, schema)
    if depth > _DEPTH:
        return
    shapes = [
        tuple(_list_fields(document, choice, prefix, depth + 1)) for choice in _choices(schema)
    ]
    yield from _merge_shapes([shape for shape in shapes if shape])
    for name, given in schema.get("properties", {}).items():
        field = _resolve(document, given)
        path = f"{prefix}{name}"
        yield FieldLine(
            path=path,
            type=_describe_type(document, field),
            required=name in schema.get("required", []),
            description=str(given.get("description", field.get("description", ""))),
        )
        inner = _resolve(document, field["items"]) if "items" in field else field
        yield from _list_fields(document, inner, f"{path}.", depth + 1)


def _merge_shapes(shapes: Sequence[tuple[FieldLine, ...]]) -> Iterator[FieldLine]:
    """List the fields of all shapes: what is the same once, the rest under the name of its shape.

    A shape's name is the value of its tag, the field that holds one constant in every shape.
    """
    names = [next((line.type for line in shape if _is_constant(line)), "") for shape in shapes]
    told: set[str] = set()
    for name, shape in zip(names, shapes, strict=True):
        for line in shape:
            twins = [other for one in shapes for other in one if other.path == line.path]
            is_tag = len(shapes) > 1 and all(map(_is_constant, twins))
            if not is_tag and (len(twins) != len(shapes) or any(twin != line for twin in twins)):
                yield replace(line, shape=line.shape or name)
            elif line.path not in told:
                told.add(line.path)
                yield replace(line, type=" | ".join(dict.fromkeys(t.type for t in twins)))


def _is_constant(line: FieldLine) -> bool:
    return line.type.startswith('"') and " | " not in line.type


def _choices(schema: Schema) -> list[Schema]:
    return [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]


def _describe_type(document: Mapping[str, Any], field: Schema) -> str:
    if "enum" in field:
        return " | ".join(json.dumps(value) for value in field["enum"])
    if "const" in field:
        return json.dumps(field["const"])
    if choices := _choices(field):
        kinds = [_describe_type(document, _resolve(document, choice)) for choice in choices]
        return " | ".join(dict.fromkeys(kinds))
    kind = field.get("type", "object")
    name = " | ".join(kind) if isinstance(kind, list) else str(kind)
    if "format" in field:
        return f"{name} ({field['format']})"
    if "items" in field:
        return f"{name} [{_describe_type(document, _resolve(document, field['items']))}]"
    return name


def _resolve(document: Mapping[str, Any], node: Schema) -> Schema:
    """Follow `$ref` inside the document; a reference that leads nowhere is an empty node."""
    for _ in range(_DEPTH):
        reference = node.get("$ref")
        if reference is None:
            return node
        target: Any = document
        for step in str(reference).removeprefix("#/").split("/"):
            target = target.get(step.replace("~1", "/").replace("~0", "~"), {})
        node = target
    return {}
