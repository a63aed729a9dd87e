"""A CNIL notification as a document, as JSON and as a line of the register of article 33(5).

Refuses to change an answer: what the form holds is written, gaps included.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from rempart.exchange.authority_document import AuthorityDocument, Section
from rempart.incidents.cnil_form import FORM, Answered, Filled, Notification

_TITLES: Final = {
    "initial": "Notification initiale d’une violation de données",
    "complementary": "Notification complémentaire d’une violation de données",
}


def make_document(notification: Notification) -> AuthorityDocument:
    """Lay a notification out, section by section, gaps first."""
    gaps = [f"{one.label} – à remplir par : {one.who}" for one in notification.gaps]
    sections = [Section(title="Ce qui manque", paragraphs=gaps)] if gaps else []
    for name in dict.fromkeys(asked.section for asked in FORM):
        rows = [
            (one.asked.label, describe_answer(one))
            for one in notification.answers
            if one.asked.section == name
        ]
        sections.append(Section(title=name, rows=rows))
    return AuthorityDocument(
        title=_TITLES[notification.phase],
        lead=f"{notification.controller} – incident {notification.incident_id}, "
        f"{notification.title}. Version {notification.version}. Les champs suivent le "
        "téléservice de la CNIL, où cette notification se dépose.",
        exercise=notification.exercise,
        sections=sections,
    )


def describe_answer(one: Answered) -> str:
    """Write an answer as a reader takes it: a gap says who can fill it."""
    if one.filled is Filled.GAP:
        return f"[à compléter : {one.asked.who}]"
    return one.value


def write_json(notification: Notification) -> bytes:
    """Return a notification as JSON: each answer, where it comes from, and the gaps."""
    body: dict[str, Any] = {
        "kind": "cnil-notification",
        "version": notification.version,
        "phase": notification.phase,
        "exercise": notification.exercise,
        "incident": {"id": notification.incident_id, "title": notification.title},
        "controller": notification.controller,
        "answers": {
            one.asked.code: {
                "section": one.asked.section,
                "label": one.asked.label,
                "value": one.value or None,
                "from": one.filled.value,
                **({"facts": one.proposed} if one.proposed else {}),
                **({"who": one.asked.who} if one.filled is Filled.GAP else {}),
            }
            for one in notification.answers
        },
        "gaps": [one.code for one in notification.gaps],
    }
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


# The columns that open registers have (S69), in their order.
REGISTER_COLUMNS: Final = (
    ("incident", "n°"),
    ("controller", "responsable"),
    ("exercise", "exercice"),
    ("began_at", "date"),
    ("ongoing", "encore en cours"),
    ("nature", "natures"),
    ("origin", "origine"),
    ("cause", "cause"),
    ("data", "données"),
    ("people", "catégories de personnes"),
    ("records_number", "enregistrements (approché)"),
    ("people_number", "personnes (approché)"),
    ("harms", "impacts"),
    ("severity", "gravité"),
    ("people_told", "communication aux personnes"),
    ("people_not_told_reason", "sinon, pourquoi"),
    ("measures_now", "mesures"),
    ("notified_at", "notification à la CNIL"),
    ("reference", "référence"),
    ("not_notified_reason", "sinon, pourquoi"),
    ("author", "écrit par"),
    ("changed_at", "modifié le"),
)


def make_register_line(notification: Notification, more: dict[str, str]) -> dict[str, str]:
    """Return one line of the register: the facts, the effects and the measures.

    Args:
        notification: What the form holds.
        more: What it does not: when it was submitted, by which reference, by whom it was written.
    """
    values = {one.asked.code: one.value for one in notification.answers}
    line = {name: values.get(name, "") for name, _label in REGISTER_COLUMNS}
    line["incident"] = str(notification.incident_id)
    line["controller"] = notification.controller
    line["exercise"] = "oui" if notification.exercise else ""
    return line | more


def write_register(lines: Sequence[dict[str, str]]) -> bytes:
    """Return the register as JSON."""
    body = {"kind": "gdpr-33-5-register", "lines": list(lines)}
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"
