"""What is known of an incident, for those who must be told: one record, whatever the authority.

Every notification, report and bundle is written from it, so that no two of them disagree. Refuses
to hold a person: people are numbers with bounds, and fields.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rempart.disclosure.fields import Field, fields_in, format_fields
from rempart.incidents.bounds import Bounds
from rempart.incidents.classification import add_bounds, is_actual
from rempart.incidents.room import EventKind, RoomEvent
from rempart.incidents.severity import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Some people exposed alike.

    Args:
        insurer_id: Whose members; None for professionals.
        name: Of the insurer.
        bounds: How many.
        fields: What was shown of them, together.
    """

    insurer_id: int | None
    name: str
    bounds: Bounds
    fields: int

    @property
    def field_names(self) -> list[str]:
        """What was shown, in French."""
        return format_fields(self.fields, "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSeverity:
    """How severe it was held to be for one group of people."""

    insurer_id: int | None
    group: str
    persons: int
    score: float
    band: Band
    reasons: tuple[str, str, str]
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """An incident as it is known now.

    Args:
        incident_id: Its number.
        title: What people call it.
        exercise: Whether it is one.
        operator: Who runs the system.
        starts_at: First instant of its window.
        ends_at: The instant after its last one.
        declared_at: When it was declared.
        answered_at: When the list of persons was there; None when it is not.
        accounts: How many accounts are suspect.
        members: The people of each insurer concerned.
        professionals: The owners of the accounts.
        severities: Scores by group.
        timeline: What happened, in the order it was written.
    """

    incident_id: int
    title: str
    exercise: bool
    operator: str
    starts_at: datetime
    ends_at: datetime
    declared_at: datetime
    answered_at: datetime | None
    accounts: int
    members: tuple[Population, ...]
    professionals: Population
    severities: tuple[GroupSeverity, ...]
    timeline: tuple[RoomEvent, ...]

    def find_population(self, insurer_id: int | None) -> Population:
        """Return the people of one insurer, or the professionals.

        Raises:
            KeyError: this insurer is not concerned.
        """
        if insurer_id is None:
            return self.professionals
        for one in self.members:
            if one.insurer_id == insurer_id:
                return one
        raise KeyError(insurer_id)

    def find_first(
        self, kind: EventKind, insurer_id: int | None = None, **says: object
    ) -> RoomEvent | None:
        """Return the first event of a kind, of or for one insurer, or the operator's own."""
        return next(iter(self._list(kind, insurer_id, says)), None)

    def find_last(
        self, kind: EventKind, insurer_id: int | None = None, **says: object
    ) -> RoomEvent | None:
        """Return the last event of a kind, of or for one insurer, or the operator's own."""
        return next(reversed(self._list(kind, insurer_id, says)), None)

    def find_classification(self, insurers: Collection[int]) -> RoomEvent | None:
        """Return the last classification that was made for all of these insurers."""
        return next(
            (
                event
                for event in reversed(self._order(EventKind.CLASSIFIED))
                if all(concerns(event, one) for one in insurers)
            ),
            None,
        )

    def count_members(self, insurers: Iterable[int]) -> Bounds:
        """Add up the people of some insurers; nobody is counted across insurers."""
        return add_bounds(self.find_population(one).bounds for one in insurers)

    def find_worst(self, insurer_id: int | None) -> GroupSeverity | None:
        """Return the worst score of an insurer's groups, those scored for all included."""
        mine = [one for one in self.severities if one.insurer_id in {insurer_id, None}]
        return max(mine, key=lambda one: one.score, default=None)

    def _list(
        self, kind: EventKind, insurer_id: int | None, says: Mapping[str, object]
    ) -> list[RoomEvent]:
        return [
            event
            for event in self._order(kind)
            if concerns(event, insurer_id)
            and all(event.details.get(name) == value for name, value in says.items())
        ]

    def _order(self, kind: EventKind) -> list[RoomEvent]:
        found = [event for event in self.timeline if event.kind is kind]
        return sorted(found, key=lambda event: (event.happened_ms, event.event_ref or 0))


def concerns(event: RoomEvent, insurer_id: int | None) -> bool:
    """Tell whether an event is of one insurer or for it; None: whether it is the operator's own.

    What the operator says for insurers names them, and is theirs; a complaint is its own too.
    """
    named = event.details.get("insurers")
    if event.insurer_id is not None or named is None:
        return event.insurer_id == insurer_id
    is_both = event.kind is EventKind.COMPLAINT_FILED and insurer_id is None
    return is_both or insurer_id in named


KIND_WORDS: Final[Mapping[EventKind, str]] = {
    EventKind.SUSPECTED: "soupçon",
    EventKind.DECLARED: "incident déclaré",
    EventKind.AWARENESS: "violation établie",
    EventKind.NOTE: "note",
    EventKind.DECISION: "décision",
    EventKind.SUSPECTS_ADDED: "soupçons ajoutés",
    EventKind.TASK_ADDED: "tâche",
    EventKind.TASK_DONE: "tâche faite",
    EventKind.JOINED: "entrée dans la salle",
    EventKind.LEFT: "sortie de la salle",
    EventKind.CONTAINMENT: "mesure de confinement",
    EventKind.CONTAINMENT_ENDED: "fin d’une mesure de confinement",
    EventKind.HOLD_PLACED: "gel des preuves",
    EventKind.HOLD_RELEASED: "fin du gel des preuves",
    EventKind.ANALYSED: "liste des personnes établie",
    EventKind.OVERRULED: "verdict écarté par un analyste",
    EventKind.PACKAGE_MADE: "envoi scellé préparé",
    EventKind.PACKAGE_SENT: "envoi scellé remis",
    EventKind.PACKAGE_RECEIVED: "envoi scellé reçu",
    EventKind.CLASSIFIED: "classement DORA",
    EventKind.SEVERITY_SCORED: "gravité évaluée",
    EventKind.REPORT_MADE: "déclaration préparée",
    EventKind.REPORT_SUBMITTED: "déclaration déposée",
    EventKind.COMPLAINT_FILED: "plainte déposée",
    EventKind.CLOCK_MET: "échéance tenue",
    EventKind.CLOCK_MISSED: "échéance manquée",
    EventKind.CLOSED: "incident clos",
    EventKind.REOPENED: "incident rouvert",
}
STEP_WORDS: Final[Mapping[str, str]] = {
    "ask_again": "nouvelle identification exigée",
    "slow": "réponses ralenties",
    "no_typed": "vérifications sans carte coupées",
    "presence_only": "présence de la carte exigée",
    "suspend": "compte suspendu",
    "guard": "arrêt décidé par la garde automatique",
    "1": "présence demandée",
    "2": "présence exigée",
    "3": "personnes connues seulement",
}
"""What was done to an account, in French; the guard's own steps by their number."""
TARGET_WORDS: Final[Mapping[str, str]] = {
    "account": "un compte",
    "establishment": "un établissement",
    "software": "un logiciel",
    "profession": "une profession",
}
_SAID: Final = (
    "words",
    "step",
    "target",
    "report",
    "phase",
    "reference",
    "reason",
    "group",
    "band",
)


def describe_event(event: RoomEvent) -> str:
    """Write one line of the timeline in French, without what only the product reads."""
    said = [_say(name, event.details[name]) for name in _SAID if event.details.get(name)]
    is_withdrawn = event.kind is EventKind.PACKAGE_SENT and event.details.get("withdrawn")
    return " – ".join(["envoi scellé retiré" if is_withdrawn else KIND_WORDS[event.kind], *said])


def _say(name: str, value: object) -> str:
    text = str(value)
    return {"step": STEP_WORDS, "target": TARGET_WORDS}.get(name, {}).get(text, text)


def list_measures(case: CaseFile) -> list[RoomEvent]:
    """Return what was done to contain the incident and to keep its evidence."""
    kinds = {EventKind.CONTAINMENT, EventKind.HOLD_PLACED}
    return [event for event in case.timeline if event.kind in kinds]


def has_any(fields: int, *wanted: Field) -> bool:
    """Tell whether one of these fields was shown."""
    return any(one in wanted for one in fields_in(fields))


def describe_bounds(bounds: Bounds) -> str:
    """Write a number of people with its bounds, in French."""
    if is_actual(bounds):
        return f"{bounds.best}"
    most = "sans maximum connu" if bounds.upper is None else f"au plus {bounds.upper}"
    return f"environ {bounds.best} (au moins {bounds.lower}, {most})"


def read_detail(event: RoomEvent | None, name: str) -> Any:
    """Return what an event says under a name; None when there is no event or nothing said."""
    return None if event is None else event.details.get(name)
