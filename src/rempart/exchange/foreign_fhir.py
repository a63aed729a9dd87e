"""FHIR AuditEvent, R4 and R5, with the patterns of IHE's BALP, as flat records.

Refuses what is no AuditEvent. One event names each patient by an entity; a query is kept as it was
sent, in base 64.

Source: S54 (IHE BALP), S55 (FHIR AuditEvent).
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from rempart.exchange.foreign_records import Record

_SUBJECT_ROLE: Final = "1"
_WEB_ADDRESS: Final = "5"
_SESSION_WORDS: Final = ("session", "sessionid", "session-id", "jti")


def flatten_audit_event(record: Record) -> Record | None:
    """Return what an AuditEvent says under plain names; None for another resource.

    The names are in docs/reference/mapping.md; the resource's own paths remain usable.
    """
    if record.get("resourceType") != "AuditEvent":
        return None
    user, client = _find_agents(record)
    entities = _list(record.get("entity"))
    asked = next((text for one in entities if (text := _decode_query(one))), "")
    target, query = _cut_request(asked)
    outcome = record.get("outcome")
    subjects = [_name(one) for one in entities if _is_subject(one)]
    subjects.append(_name({"what": record.get("patient")}))
    return {
        **record,
        "user": _name_agent(user),
        "user_name": user.get("name"),
        "address": _find_address(user) or _find_address(client),
        "application": _name_agent(client),
        "session": _find_session(record, user, entities),
        "patients": list(dict.fromkeys(name for name in subjects if isinstance(name, str))),
        "query": query,
        "path": target,
        "request": asked,
        "kind": _code(record.get("type")) or _code(_first(record.get("category"))),
        "subtype": _code(_first(record.get("subtype"))) or _code(record.get("code")),
        "outcome": _code(outcome.get("code")) if isinstance(outcome, dict) else outcome,
    }


def _find_agents(record: Record) -> tuple[Record, Record]:
    """Return who asked, and through which software; without anybody, the software asked.

    Client and server change places between the profiles of reading and of searching: the server is
    who has an address of the web.
    """
    agents = [one for one in _list(record.get("agent")) if isinstance(one, dict)]
    people = [one for one in agents if not _is_software(one)]
    asking = sorted(people, key=lambda one: one.get("requestor") is not True)
    software = sorted((one for one in agents if _is_software(one)), key=_is_server)
    client = software[0] if software else {}
    return (asking[0] if asking else client), client


def _is_server(agent: Record) -> bool:
    network = _dict(agent.get("network"))
    return _code(network.get("type")) == _WEB_ADDRESS or "networkUri" in agent


def _is_software(agent: Record) -> bool:
    who = _dict(agent.get("who"))
    kind = str(who.get("type") or who.get("reference") or "").partition("/")[0]
    if kind in ("Device", "Organization"):
        return True
    return _code(agent.get("type")) in ("110150", "110152", "110153", "dataprocessor")


def _name_agent(agent: Record) -> Any:
    who = _dict(agent.get("who"))
    return (
        _dict(who.get("identifier")).get("value")
        or who.get("reference")
        or agent.get("altId")
        or who.get("display")
        or agent.get("name")
    )


def _find_address(agent: Record) -> Any:
    network = _dict(agent.get("network"))
    return (
        network.get("address")
        or agent.get("networkString")
        or _dict(agent.get("networkReference")).get("reference")
        or agent.get("networkUri")
    )


def _find_session(record: Record, user: Record, entities: list[Any]) -> Any:
    """Return the session: an entity or an extension that says so, or the token's identifier."""
    for one in entities:
        what = _dict(_dict(one).get("what"))
        label = str(_code(_dict(one).get("type")) or _dict(one).get("name") or "").lower()
        if label in _SESSION_WORDS:
            return _dict(what.get("identifier")).get("value") or what.get("reference")
    for extension in [*_list(user.get("extension")), *_list(record.get("extension"))]:
        inner = _list(_dict(extension).get("extension")) or [extension]
        for one in inner:
            url = str(_dict(one).get("url", "")).rpartition("/")[2].lower()
            if url in _SESSION_WORDS:
                return _dict(one).get("valueString") or _dict(
                    _dict(one).get("valueIdentifier")
                ).get("value")
    # BALP: the identifier of the token the user came with.
    return _first(user.get("policy"))


def _is_subject(entity: Any) -> bool:
    entity = _dict(entity)
    what = _dict(entity.get("what"))
    if _code(entity.get("role")) == _SUBJECT_ROLE:
        return True
    reference = str(what.get("reference", ""))
    return what.get("type") == "Patient" or "Patient" in reference.split("/")[-2:-1]


def _name(entity: Any) -> Any:
    what = _dict(_dict(entity).get("what"))
    return _dict(what.get("identifier")).get("value") or what.get("reference")


def _decode_query(entity: Any) -> str | None:
    """Return the query an entity holds, as it was sent."""
    coded = _dict(entity).get("query")
    if not isinstance(coded, str):
        return None
    try:
        return base64.b64decode(coded, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _cut_request(asked: str) -> tuple[str, str]:
    """Return the path and the query of a request kept as it was sent, body included."""
    head, _, body = asked.replace("\r\n", "\n").partition("\n\n")
    words = head.partition("\n")[0].split(" ")
    target = words[1] if len(words) > 1 else words[0]
    path, _, query = target.partition("?")
    return path, "&".join(part for part in (query, body.strip()) if part)


def _code(value: Any) -> Any:
    """Return the code of a Coding, of a CodeableConcept, or of a plain code."""
    if isinstance(value, dict):
        coding = _first(value.get("coding"))
        return value.get("code") or _dict(coding).get("code")
    return value if isinstance(value, str) else None


def _first(value: Any) -> Any:
    return next(iter(_list(value)), None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def list_plain_names() -> Iterator[str]:
    """Return the names that `flatten_audit_event` adds."""
    added = flatten_audit_event({"resourceType": "AuditEvent"}) or {}
    return (name for name in added if name != "resourceType")
