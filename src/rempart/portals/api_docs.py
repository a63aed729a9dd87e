"""An OpenAPI document turned into what a page can list, without a script from elsewhere.

Reads the parts of OpenAPI 3 that the gateway uses; what it does not know it leaves out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_VERBS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH: Final = 6

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLine:
    """One field of a body: its path from the top, its type, whether it must be there."""

    path: str
    type: str
    required: bool
    description: str


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
    """Walk a schema depth first; a choice lists the fields of each of its shapes, once."""
    schema = _resolve(document, schema)
    if depth > _DEPTH:
        return
    for choice in _choices(schema):
        yield from _list_fields(document, choice, prefix, depth + 1)
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
