"""Write docs/reference/api.md from the OpenAPI document, which comes from the code.

python scripts/api_reference.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rempart.gateway.openapi import build_openapi

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"

HEAD = """# The gateway's API

{description}

Generated from the OpenAPI document that the gateway serves at `/v1/openapi.json`; a test compares
the two. [How to call the gateway](../how-to/call-the-gateway.md) shows it at work; codes of
problems are explained in [errors](errors.md).

Authentication:

{authentication}
"""


def format_page(document: dict[str, Any]) -> str:
    """Return the page."""
    head = HEAD.format(
        description=document["info"]["description"],
        authentication="\n".join(
            f"- **{name}**: {scheme['description']}"
            for name, scheme in document["components"]["securitySchemes"].items()
        ),
    )
    parts = [head, "## Every answer\n\n| header | what for |\n|---|---|"]
    for name, header in document["components"]["headers"].items():
        parts.append(f"| `{name}` | {header['description']} |")
    parts.append("")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append("\n".join(_describe_operation(method, path, operation)))
    parts.append("## Types\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append("\n".join(_describe_type(name, schema)))
    return "\n".join(parts)


def _describe_operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"## `{method.upper()} {path}`\n"
    yield f"{operation['summary']}.\n".replace("..", ".")
    if "description" in operation:
        yield operation["description"] + "\n"
    if "parameters" in operation:
        yield "| parameter | where | what for |\n|---|---|---|"
        for one in operation["parameters"]:
            yield f"| `{one['name']}` | {one['in']} | {one['description']} |"
        yield ""
    if "requestBody" in operation:
        yield f"Body: {_describe_content(operation['requestBody']['content'])}.\n"
    yield "| status | what | body | header |\n|---|---|---|---|"
    for status, response in operation["responses"].items():
        headers = ", ".join(
            f"`{name}`: {header['description']}"
            for name, header in response.get("headers", {}).items()
            if "description" in header  # those of every answer are described once, above
        )
        body = _describe_content(response["content"])
        yield f"| {status} | {response['description']} | {body} | {headers} |"
    yield ""


def _describe_content(content: dict[str, Any]) -> str:
    return ", ".join(
        f"{_describe_schema(media['schema'])} (`{media_type}`)"
        for media_type, media in content.items()
    )


def _describe_type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"### {name}\n"
    if "properties" not in schema:
        yield f"{_describe_schema(schema)}.\n"
        return
    yield schema.get("description", "") + "\n"
    required = set(schema["required"])
    yield "| field | type | meaning |\n|---|---|---|"
    for field, details in schema["properties"].items():
        optional = "" if field in required else " (optional)"
        kind = _describe_schema(details).replace("|", "\\|")
        yield f"| `{field}`{optional} | {kind} | {_describe_field(details)} |"
    yield ""


def _describe_field(details: dict[str, Any]) -> str:
    text = str(details.get("description", ""))
    examples = ", ".join(f"`{example}`" for example in details.get("examples", ()))
    return f"{text} Example: {examples}." if examples else text


def _describe_schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_describe_schema(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_describe_schema(schema.get('items', {'type': 'any'}))}"
    kind = str(schema.get("type", "any JSON"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def main() -> None:
    PAGE.write_text(format_page(build_openapi()), encoding="utf-8")


if __name__ == "__main__":
    main()
