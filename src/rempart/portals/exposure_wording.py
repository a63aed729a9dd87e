"""What a list rests on, in words: holes of the record, what an analysis changed, professionals.

Refuses to say "no hole was found" where nobody looked, and to name anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.disclosure.fields import format_fields
from rempart.incidents.changes import Change
from rempart.incidents.coverage import Coverage, HoleKind
from rempart.kernel.findings import Language
from rempart.portals import wording
from rempart.workflows.incidents.read_incident import IncidentSheet

HOLES: Final[Mapping[HoleKind, Promise]] = MappingProxyType(
    {
        HoleKind.ACCOUNT_GAP: _("des numéros manquent dans la suite d’un compte suspect"),
        HoleKind.UNREADABLE_TAIL: _(
            "des lignes illisibles suivent la dernière d’un compte suspect"
        ),
        HoleKind.UNSIGNED: _("la fin de la fenêtre n’est pas encore signée"),
    }
)
CHANGES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        Change.ADDED: _("ajoutées"),
        Change.RAISED: _("relevées"),
        Change.LOWERED: _("abaissées"),
        Change.REMOVED: _("retirées"),
    }
)
RULINGS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "thief": _("Séance du voleur"),
        "mixed": _("Séance partagée"),
        "owner": _("Séance du titulaire"),
        "sums": _("Rendre la parole aux règles"),
    }
)


@dataclass(frozen=True, slots=True)
class HoleLine:
    """One hole: in which log, when, what, and how many look-ups it may hide (None: unknown)."""

    words: Promise
    source: str
    from_ms: int
    to_ms: int
    hidden: int | None


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """What changed for one insurer, in the order of `CHANGES`."""

    insurer: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProfessionalLine:
    """One owner of an account: how surely somebody else was in it, what was to be seen."""

    account_ref: int
    profession: str
    tier: str
    fields: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestsOn:
    """What the page says of an analysis; `upper` is None when nobody can say."""

    number: int
    made_at: Any
    author: str
    rules: str
    digest: str
    lower: int
    best: int
    upper: int | None
    is_whole: bool
    holes: tuple[HoleLine, ...]
    logs: tuple[Mapping[str, Any], ...]
    changes: tuple[ChangeLine, ...]
    moved: tuple[tuple[int, str, str], ...]
    professionals: tuple[ProfessionalLine, ...]


def describe_analysis(sheet: IncidentSheet, language: Language) -> RestsOn | None:
    """Put the last analysis of an incident into words; None before the first one."""
    coverage = sheet.coverage
    if coverage is None:
        return None
    last = sheet.analyses[0]
    return RestsOn(
        number=last.number,
        made_at=last.made_at,
        author=last.author,
        rules=last.rules,
        digest=last.list_digest,
        lower=last.counts["lower"],
        best=last.counts["best"],
        upper=last.counts["upper"],
        is_whole=coverage.is_whole,
        holes=_describe_holes(coverage),
        logs=tuple(last.coverage["logs"]),
        changes=_describe_changes(sheet),
        moved=tuple(
            (one.session_ref, _name_verdict(one.before), _name_verdict(one.after))
            for one in sheet.moved
        ),
        professionals=tuple(
            ProfessionalLine(
                account_ref=one.account_ref,
                profession=str(wording.describe_profession(one.profession)),
                tier=one.tier,
                fields=", ".join(format_fields(one.fields, language)),
            )
            for one in sheet.professionals
        ),
    )


def _describe_holes(coverage: Coverage) -> tuple[HoleLine, ...]:
    return tuple(
        HoleLine(HOLES[hole.kind], hole.source, hole.from_ms, hole.to_ms, hole.hidden)
        for hole in coverage.holes
    )


def _describe_changes(sheet: IncidentSheet) -> tuple[ChangeLine, ...]:
    counts: dict[int, dict[str, int]] = {}
    names: dict[int, str] = {}
    for one in sheet.changes:
        counts.setdefault(one.insurer_id, {})[one.change] = one.persons
        names[one.insurer_id] = one.insurer or gettext("Complémentaire %(number)s") % {
            "number": one.insurer_id
        }
    return tuple(
        ChangeLine(names[ref], tuple(changed.get(change, 0) for change in CHANGES))
        for ref, changed in counts.items()
    )


def _name_verdict(verdict: str | None) -> str:
    return str(wording.VERDICTS.get(verdict or "", _("non jugée")))


def list_rulings() -> Sequence[tuple[str, Promise]]:
    """Return what somebody may answer for a session, to choose from."""
    return tuple(RULINGS.items())
