"""One or two pages about an incident for a supervisor (ACPR) or for ANSSI.

Refuses to say more to one than it asks: ANSSI gets no number by insurer, the ACPR no indicator.
"""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final, Literal, TypeAlias

from rempart.exchange.authority_document import AuthorityDocument, Section
from rempart.incidents.case import CaseFile, describe_bounds, describe_event, list_measures
from rempart.incidents.room import EventKind
from rempart.kernel.instants import from_ms, to_ms

Reader: TypeAlias = Literal["acpr", "anssi"]
FIELDS: Final[Mapping[str, str]] = {
    "contact": "Contact joignable à toute heure",
    "services": "Services touchés et continuité",
    "indicators": "Indicateurs de compromission (adresses, agents), sans donnée de personne",
    "next": "Suites prévues, date du prochain point",
}
"""What a person fills, with its French label."""
_TITLES: Final[Mapping[Reader, str]] = {
    "acpr": "Synthèse d’incident pour l’ACPR",
    "anssi": "Synthèse d’incident pour l’ANSSI (CERT-FR)",
}


def make_summary(
    case: CaseFile, reader: Reader, answers: Mapping[str, str], *, zone: tzinfo
) -> AuthorityDocument:
    """Write the summary of an incident for one reader."""

    def fill(name: str) -> tuple[str, str]:
        return FIELDS[name], answers.get(name, "").strip() or "[à compléter]"

    def say(t_ms: int) -> str:
        return f"{from_ms(t_ms).astimezone(zone):%d/%m/%Y %H:%M}"

    aware = case.find_first(EventKind.AWARENESS)
    facts = [
        ("Opérateur", case.operator),
        ("Fenêtre", f"du {say(to_ms(case.starts_at))} au {say(to_ms(case.ends_at))}"),
        ("Violation établie", "non" if aware is None else say(aware.happened_ms)),
        ("Comptes détournés", str(case.accounts)),
        ("Nature", "accès malveillant à un service par des comptes usurpés"),
    ]
    sections = [Section(title="L’incident", rows=facts)]
    if reader == "acpr":
        members = [(one.name, describe_bounds(one.bounds)) for one in case.members]
        sections.append(Section(title="Personnes, par organisme", rows=members))
    measures = [f"{say(one.happened_ms)} : {describe_event(one)}" for one in list_measures(case)]
    sections += [
        Section(title="Mesures", paragraphs=measures or ["[aucune n’est inscrite]"]),
        Section(
            title="À compléter",
            rows=[
                fill(name)
                for name in FIELDS
                if (name != "indicators" or reader == "anssi")
                and (name != "services" or reader == "acpr")
            ],
        ),
    ]
    return AuthorityDocument(
        title=_TITLES[reader],
        lead=f"Incident {case.incident_id}, {case.title}.",
        exercise=case.exercise,
        sections=sections,
    )
