"""The words for what the guard saw and did: one plain sentence for each sign, step and event.

Refuses to say more than was measured: each sentence has what was seen and what is usual.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from rempart.guard import SignalKind, Step
from rempart.portals import containment_wording
from rempart.portals.templatetags.rempart import decimal, percent
from rempart.portals.wording import describe_profession
from rempart.workflows.guard.watch_guard import Hold

STEP_NAMES: Final[Mapping[int, Promise]] = {
    Step.NONE: _("Libre"),
    Step.SHOW_PRESENCE: _("Marge du jour dépensée"),
    Step.PRESENCE_ONLY: _("Confiné : une carte est demandée pour toute personne nouvelle"),
    Step.KNOWN_FACES_ONLY: _("Confiné : visages connus seulement"),
}
EVENT_NAMES: Final[Mapping[str, Promise]] = {
    "refused": _("Consultation refusée"),
    "contained": _("Compte confiné"),
    "canary": _("Témoin planté demandé"),
    "released": _("Compte libéré"),
    "late": _("Signe tardif"),
}
SIGNAL_NAMES: Final[Mapping[str, Promise]] = {
    SignalKind.NETWORK: _("Adresse réseau"),
    SignalKind.AGENT: _("Logiciel"),
    SignalKind.STRANGERS: _("Même main"),
    SignalKind.GEOGRAPHY: _("Provenance des personnes"),
    SignalKind.INSURER: _("Complémentaire"),
    SignalKind.MISSES: _("Personnes introuvables"),
    SignalKind.HOUR: _("Heure"),
    SignalKind.BURST: _("Cadence"),
    SignalKind.TYPED_FACES: _("Visages nouveaux saisis"),
    SignalKind.CARD_FACES: _("Visages nouveaux avec carte"),
    SignalKind.KNOWN_FACES: _("Visages connus saisis"),
    SignalKind.CANARY: _("Témoin planté"),
}
# Weights are natural logarithms; from these on a sign is strong, or counts at all.
_STRONG: Final = 1.2
_MEDIUM: Final = 0.5
_DECISIVE: Final = 10.0
_FLOODS: Final = frozenset({SignalKind.TYPED_FACES, SignalKind.CARD_FACES, SignalKind.KNOWN_FACES})
_FLOOD: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSignal:
    """One sign as it was kept with an event; the weight is a natural logarithm."""

    kind: str
    observed: float
    expected: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWords:
    """One sign in words: what about, the sentence, how strong it is and by how much."""

    name: str
    sentence: str
    strength: str
    css: str
    likelihood: str


def describe_signal(signal: SeenSignal) -> SignalWords:
    """Put one sign into words."""
    if signal.kind in _FLOODS and signal.expected > 0:
        return _word_flood(signal)
    if signal.weight >= _DECISIVE:
        return _word(signal, gettext("décisif"), "badge-closed", gettext("suffit à lui seul"))
    if signal.weight >= _STRONG:
        strength, css = gettext("fort"), "badge-closed"
    elif signal.weight >= _MEDIUM:
        strength, css = gettext("moyen"), "badge-attention"
    else:
        strength, css = gettext("faible"), "badge-plain"
    times = decimal(math.exp(max(signal.weight, 0.0)))
    return _word(
        signal,
        strength,
        css,
        gettext("%(times)s fois plus probable d’un voleur") % {"times": times},
    )


def name_step(step: int) -> str:
    """Return what a step of the guard is called."""
    return str(STEP_NAMES.get(step, step))


def name_event(kind: str) -> str:
    """Return what a kind of event is called."""
    return str(EVENT_NAMES.get(kind, kind))


def describe_hold(hold: Hold) -> str:
    """Say which step holds on what."""
    target = (
        str(describe_profession(hold.profession))
        if hold.profession
        else str(containment_wording.TARGET_NAMES.get(hold.target, hold.target))
    )
    return f"{containment_wording.STEP_NAMES.get(hold.step, hold.step)} : {target}"


def _word(signal: SeenSignal, strength: str, css: str, likelihood: str) -> SignalWords:
    return SignalWords(
        name=str(SIGNAL_NAMES.get(signal.kind, signal.kind)),
        sentence=_write_sentence(signal),
        strength=strength,
        css=css,
        likelihood=likelihood,
    )


def _word_flood(signal: SeenSignal) -> SignalWords:
    """A day beyond its allowance is told by how far, not by what one more look-up weighs."""
    ratio = signal.observed / signal.expected
    return _word(
        signal,
        f"× {decimal(ratio)}",
        "badge-closed" if ratio >= _FLOOD else "badge-attention",
        gettext("%(times)s fois sa marge du jour") % {"times": decimal(ratio)},
    )


def _write_sentence(signal: SeenSignal) -> str:
    if signal.kind in _PLAIN:
        return str(_PLAIN[signal.kind])
    write = _MEASURED.get(signal.kind)
    if write is None:
        return gettext("%(observed)s observé, %(expected)s d’habitude.") % {
            "observed": decimal(signal.observed),
            "expected": decimal(signal.expected),
        }
    return write(signal)


def _write_geography(signal: SeenSignal) -> str:
    return gettext(
        "La personne vient d’un département d’où viennent d’habitude %(share)s des siennes."
    ) % {"share": percent(signal.expected)}


def _write_misses(signal: SeenSignal) -> str:
    words = (
        gettext("Personne introuvable ; d’habitude, %(share)s de ses questions le sont.")
        if signal.observed
        else gettext(
            "Personne trouvée ; d’habitude, %(share)s de ses questions ne trouvent personne."
        )
    )
    return words % {"share": percent(signal.expected)}


def _write_hour(signal: SeenSignal) -> str:
    return gettext("Consulte à %(hour)s h ; d’habitude, %(share)s de ses heures de travail.") % {
        "hour": int(signal.observed),
        "share": percent(signal.expected),
    }


def _write_burst(signal: SeenSignal) -> str:
    return gettext(
        "%(observed)s visages nouveaux saisis coup sur coup, d’habitude pas plus de %(expected)s."
    ) % {"observed": _count(signal.observed), "expected": _count(signal.expected)}


def _write_typed(signal: SeenSignal) -> str:
    return gettext(
        "%(observed)s visages nouveaux saisis aujourd’hui, d’habitude moins de %(expected)s."
    ) % {"observed": _count(signal.observed), "expected": _ceil(signal.expected)}


def _write_card(signal: SeenSignal) -> str:
    return gettext(
        "%(observed)s visages nouveaux avec carte aujourd’hui, d’habitude moins de %(expected)s."
    ) % {"observed": _count(signal.observed), "expected": _ceil(signal.expected)}


def _count(value: float) -> str:
    return decimal(value, 0)


def _ceil(value: float) -> str:
    return decimal(max(math.ceil(value), 1), 0)


def _write_known(signal: SeenSignal) -> str:
    return gettext(
        "%(observed)s visages connus saisis aujourd’hui, compte confiné : la carte est demandée."
    ) % {"observed": _count(signal.observed)}


_PLAIN: Final[Mapping[str, Promise]] = {
    SignalKind.NETWORK: _("Adresse réseau jamais vue pour ce compte."),
    SignalKind.AGENT: _("Logiciel jamais vu pour ce compte."),
    SignalKind.STRANGERS: _(
        "Plusieurs comptes qui n’y travaillent jamais saisissent depuis cette adresse."
    ),
    SignalKind.INSURER: _("Complémentaire qu’aucune de ses personnes n’avait encore."),
    SignalKind.CANARY: _(
        "A demandé une personne qui n’existe pas, plantée pour prendre un voleur."
    ),
}
_MEASURED: Final[Mapping[str, Callable[[SeenSignal], str]]] = {
    SignalKind.GEOGRAPHY: _write_geography,
    SignalKind.MISSES: _write_misses,
    SignalKind.HOUR: _write_hour,
    SignalKind.BURST: _write_burst,
    SignalKind.TYPED_FACES: _write_typed,
    SignalKind.CARD_FACES: _write_card,
    SignalKind.KNOWN_FACES: _write_known,
}


def count_words(count: int) -> str:
    """Say how many decisions wait."""
    return ngettext("%(count)s décision attend", "%(count)s décisions attendent", count) % {
        "count": count
    }
