"""Operations in, the description of the API out: an OpenAPI document, and a page that shows it without any network.

It is made from the values that route and check the requests, so it cannot promise what they do not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

import msgspec

from linter import __version__
from linter.server.api import Operation
from linter.server.bodies import Failure, Live

_MEANS = {
    200: "The answer.", 201: "It is on record.", 401: "A token is needed, or it is not known.",
    403: "The token's role, the page's origin or the address may not ask this.", 404: "There is no such thing.",
    409: "The idempotency key stands for another decision.", 413: "The body is too large.",
    422: "The request does not fit; the message names the field.",
    429: "The caller asks too often; see Retry-After.", 503: "The server has enough to do, or is stopping; see Retry-After.",
}  # fmt: skip
_INTRODUCTION = """Judges what a shop is about to say to a buyer.

Errors are `{"error": {"code", "message"}}`. Offsets are half-open code points. While somebody types, `/v1/live` is the same
check over a WebSocket: send `{"seq": n, ...}` with the fields of `POST /v1/check` (schema `Live`), receive the answer with the
same `seq`; only the newest waiting message is judged. Where tokens are needed, the first message is `{"token": "..."}`."""


def document(operations: Iterable[Operation], tokens: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    listed = list(operations)
    models = {m for o in listed for m in (o.body, o.gives) if isinstance(m, type)} | {Failure, Live}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, tokens)
    return {
        "openapi": "3.1.0",
        "info": {"title": "kefulint", "version": __version__, "description": _INTRODUCTION, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in listed)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Made by `kefulint serve token`."}},
        },
    }  # fmt: skip


def _operation(operation: Operation, tokens: bool) -> dict[str, Any]:
    errors = (
        {403, *operation.errors, *((401,) if operation.role and tokens else ())}
        if operation.role
        else set(operation.errors)
    )
    responses: dict[str, Any] = {
        str(status): _response(operation.gives, _MEANS[status]) for status in operation.statuses
    }
    for status in sorted(errors):
        responses[str(status)] = _response(Failure, _MEANS[status], retry=status in (429, 503))
    said: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method.lower()}{operation.path}").strip("_"),
        "summary": operation.summary, "tags": [operation.tag], "responses": responses,
    }  # fmt: skip
    if operation.role:
        said["description"] = f"Role: {operation.role} or above."
        said["security"] = [{"token": []}] if tokens else [{}, {"token": []}]
    if operation.body:
        said["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    parameters = [*_path_parameters(operation.path), *_query_parameters(operation.query)]
    return said | ({"parameters": parameters} if parameters else {})


def _response(gives: type[msgspec.Struct] | str, means: str, *, retry: bool = False) -> dict[str, Any]:
    if isinstance(gives, str):
        content: dict[str, Any] = {gives: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": _reference(gives)}}
    said: dict[str, Any] = {"description": means, "content": content}
    if retry:
        said["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return said


def _reference(model: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(model: type[msgspec.Struct] | None) -> Iterable[dict[str, Any]]:
    for name, schema in _fields(model).items():
        kinds = [kind for kind in schema.pop("anyOf", [schema]) if kind.get("type") != "null"]
        plain = {
            key: value
            for key, value in (schema | kinds[0]).items()
            if key not in ("title", "description") and value is not None
        }
        says = schema.get("description") or kinds[0].get("description", "")
        yield {"name": name, "in": "query", "required": False, "schema": plain} | (
            {"description": says} if says else {}
        )


def _fields(model: type[msgspec.Struct] | None) -> dict[str, Any]:
    if model is None:
        return {}
    fields: dict[str, Any] = msgspec.json.schema(model)["$defs"][model.__name__]["properties"]
    return fields


# --- the page --------------------------------------------------------------------------------------------------------

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code,pre{font:14px/1.45 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem}
details{border-top:1px solid #8886;padding:.5rem 0}summary{cursor:pointer}table{border-collapse:collapse}
td,th{text-align:left;padding:.15rem .9rem .15rem 0;vertical-align:top}"""


def page(described: dict[str, Any]) -> str:
    """Return the description as one page of plain HTML."""
    parts = [f"<h1>kefulint {escape(described['info']['version'])}</h1>", _paragraphs(described["info"]["description"])]
    parts.append('<p>The same for programs: <a href="/openapi.json">openapi.json</a></p>')
    for tag in described["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        for path, methods in described["paths"].items():
            parts += [_shown(path, method, one) for method, one in methods.items() if tag["name"] in one["tags"]]
    parts.append("<h2>Schemas</h2>")
    for name, schema in described["components"]["schemas"].items():
        parts.append(
            f'<details open id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_schema(schema)}</details>'
        )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>kefulint API</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{"".join(parts)}</main></body></html>'


def _paragraphs(text: str) -> str:
    parts = re.split(r"`([^`]+)`", text)
    marked = "".join(f"<code>{escape(part)}</code>" if index % 2 else escape(part) for index, part in enumerate(parts))
    return "".join(f"<p>{part}</p>" for part in marked.split("\n\n"))


def _shown(path: str, method: str, one: dict[str, Any]) -> str:
    inside = [_paragraphs(one.get("description", ""))]
    rows = [(p["name"], p["in"], _kind(p["schema"]), p.get("description", "")) for p in one.get("parameters", ())]
    if rows:
        inside.append(_table(("parameter", "in", "type", ""), rows))
    if "requestBody" in one:
        inside.append(f"<p>Body: {_kind(one['requestBody']['content']['application/json']['schema'])}</p>")
    answers = [
        (status, kind, _kind(content["schema"]), answer["description"])
        for status, answer in one["responses"].items()
        for kind, content in answer["content"].items()
    ]
    inside.append(_table(("status", "kind", "schema", ""), answers))
    summary = f"<code>{method.upper()} {escape(path)}</code> {escape(one['summary'])}"
    return f'<details id="{escape(one["operationId"])}"><summary>{summary}</summary>{"".join(inside)}</details>'


def _schema(schema: dict[str, Any]) -> str:
    needed = schema.get("required", ())
    rows = [
        (name, "needed" if name in needed else "", _kind(of), of.get("description", ""))
        for name, of in schema.get("properties", {}).items()
    ]
    return _paragraphs(schema.get("description", "")) + _table(("field", "", "type", ""), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; the column of types holds HTML already."""
    lines = [_row("th", map(escape, head))]
    lines += [_row("td", (cell if i == 2 else escape(cell) for i, cell in enumerate(row))) for row in rows]
    return "<table>" + "".join(lines) + "</table>"


def _row(cell: str, inside: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{html}</{cell}>" for html in inside) + "</tr>"


def _kind(schema: dict[str, Any]) -> str:
    """Return a type in a few characters of HTML, with links to schemas."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]" + _bounds(schema)
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{…: {_kind(schema['additionalProperties'])}}}"
    return escape(str(schema.get("type", "any"))) + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    most = schema.get("maxLength", schema.get("maxItems", schema.get("maximum")))
    return "" if most is None else f" ≤ {most:,}"
