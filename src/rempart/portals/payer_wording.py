"""Words of who pays: holds, signals, benefit tables, calls for funds, runs, the bank's files."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from rempart.claims.benefit_table import EVERYTHING, Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.signals import SignalKind
from rempart.kernel.money import format_euros
from rempart.kernel.periods import OPEN_END
from rempart.portals import wording
from rempart.portals.care_wording import BASKETS, CORRECTIONS, name_act
from rempart.portals.forms import current_language
from rempart.workflows.claims.benefit_tables import Judgement

SIGNALS: Final[Mapping[SignalKind, Promise]] = MappingProxyType(
    {
        SignalKind.UNCHECKED: _("factures sans réponse ni prise en charge citée"),
        SignalKind.PRICE: _("prix moyen d’un acte"),
        SignalKind.VOLUME: _("factures des sept derniers jours"),
    }
)
FILE_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "proposed": _("proposé, attend une deuxième personne"),
        "approved": _("approuvé"),
        "refused": _("refusé"),
        "withdrawn": _("retiré"),
    }
)
FILE_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "proposed": ("badge-attention", "clock"),
        "approved": ("badge-open", "check"),
        "refused": ("badge-closed", "cross-circle"),
        "withdrawn": ("badge-plain", "minus"),
    }
)
CALL_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "open": _("à payer"),
        "partly": _("payé en partie"),
        "overdue": _("en retard"),
        "paid": _("payé"),
    }
)
CALL_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "open": ("badge-info", "clock"),
        "partly": ("badge-attention", "clock"),
        "overdue": ("badge-closed", "alert"),
        "paid": ("badge-open", "check-circle"),
    }
)
RUN_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "planning": _("en préparation"),
        "planned": _("à approuver"),
        "empty": _("rien à payer"),
        "approved": _("approuvée, à envoyer"),
        "sending": _("envoi en cours"),
        "sent": _("envoyée à la banque"),
        "refused": _("refusée"),
    }
)
RUN_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "planning": ("badge-info", "clock"),
        "planned": ("badge-attention", "clock"),
        "empty": ("badge-info", "check"),
        "approved": ("badge-info", "check"),
        "sending": ("badge-info", "clock"),
        "sent": ("badge-open", "check-circle"),
        "refused": ("badge-closed", "cross-circle"),
    }
)
TRANSFER_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "planned": _("préparé"),
        "held": _("retenu"),
        "released": _("rendu à une prochaine campagne"),
        "sent": _("envoyé"),
        "paid": _("payé"),
        "returned": _("revenu"),
        "refunded": _("remboursé"),
    }
)
REASONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "": _("–"),
        "owes": _("doit plus que ce qui lui est dû"),
        "too_little": _("montant trop petit pour un virement"),
        "insurer_late": _("la complémentaire n’a pas versé les fonds"),
        "no_account": _("aucun compte vérifié"),
        "payee_no_match": _("la banque ne reconnaît pas le titulaire du compte"),
        "returned": _("le dernier virement est revenu"),
        "account_changed": _("le compte a changé depuis la préparation"),
        "refused": _("la campagne a été refusée"),
    }
)
RULES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "advance": _("l’opérateur avance les fonds"),
        "wait": _("payé une fois les fonds reçus"),
    }
)
BANK_FILES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "statement": _("relevé de compte (camt.053)"),
        "notification": _("avis d’opérations (camt.054)"),
        "transfer": _("virements (pain.001)"),
        "debit": _("prélèvements (pain.008)"),
    }
)
PER: Final[Mapping[Per, Promise]] = MappingProxyType(
    {
        Per.DAY: _("par jour"),
        Per.YEAR: _("par année civile"),
        Per.MEMBERSHIP_YEAR: _("par année d’adhésion"),
        Per.EQUIPMENT: _("par équipement"),
        Per.RENEWAL: _("par délai de renouvellement"),
        Per.EVER: _("pour toute la durée du contrat"),
    }
)


def name_reason(reason: str) -> str:
    """Say why money waits; a reason without words keeps its own name."""
    return str(REASONS.get(reason, reason))


def describe_table(table: BenefitTable) -> dict[str, Any]:
    """Return a benefit table as its members would read it."""
    limits = table.limits
    return {
        "code": table.code,
        "starts_on": table.period.starts_on,
        "ends_on": None if table.period.ends_on == OPEN_END else table.period.ends_on,
        "responsible": table.responsible,
        "rows": [
            {
                "label": row.label,
                "acts": ", ".join(_name_acts(row)),
                "pays": _say_payment(row),
                "conditions": list(_list_conditions(row)),
                "limits": [limits[name].label for name in row.limits],
            }
            for row in table.benefits
        ],
        "limits": [{"label": one.label, "most": _say_limit(one)} for one in limits.values()],
    }


def describe_judgement(found: Judgement) -> dict[str, Any]:
    """Return what is wrong with tables that call themselves responsible, one after another."""
    return {
        "count": found.total,
        "judged": len(found.judged),
        "claimed": len(found.judged) + found.unknown + found.left,
        "unknown": found.unknown,
        "left": found.left,
        "wrong": [
            {
                "code": one.table.code,
                "starts_on": one.table.period.starts_on,
                "day": one.day,
                "count": len(one.findings),
                "faults": [
                    {
                        "message": message,
                        "advice": advice,
                        "acts": [(code, name_act(code)) for code in codes],
                    }
                    for (message, advice, _rule), codes in one.faults.items()
                ],
            }
            for one in found.wrong
        ],
    }


def _name_acts(row: Benefit) -> Iterator[str]:
    domains = dict(wording.list_domain_choices(current_language()))
    for name in row.acts:
        if name == EVERYTHING:
            yield gettext("tous les soins")
        elif name.startswith("domain:"):
            code = name.removeprefix("domain:")
            yield domains.get(code, code)
        else:
            yield name_act(name)


def _say_payment(row: Benefit) -> str:
    rate = _percent(row.rate_bp or 0)
    text = {
        Pays.TICKET_MODERATEUR: gettext("le ticket modérateur"),
        Pays.RATE_WITH_AMO: gettext("%(rate)s de la base, assurance maladie comprise"),
        Pays.RATE_BESIDE_AMO: gettext("%(rate)s de la base, en plus de l’assurance maladie"),
        Pays.FORFAIT: gettext("%(forfait)s"),
        Pays.REAL_COST: gettext("les frais réels"),
        Pays.NOTHING: gettext("rien"),
    }[row.pays] % {"rate": rate, "forfait": _euros(row.forfait_cents or 0)}
    if row.with_ticket_moderateur:
        text = gettext("%(text)s, en plus du ticket modérateur") % {"text": text}
    if row.cap_cents is not None:
        text = gettext("%(text)s, jusqu’à %(cap)s") % {"text": text, "cap": _euros(row.cap_cents)}
    return text


def _list_conditions(row: Benefit) -> Iterator[str]:
    if row.basket is not None:
        yield str(dict(BASKETS)[row.basket.value])
    if row.correction is not None:
        yield gettext("verres : %(kind)s") % {"kind": dict(CORRECTIONS)[row.correction.value]}
    if row.optam is not None:
        yield gettext("professionnel OPTAM") if row.optam else gettext("professionnel hors OPTAM")
    if row.circuit is not None:
        yield gettext("réseau %(circuit)s") % {"circuit": row.circuit}
    if row.waiting_months:
        months = row.waiting_months
        text = ngettext("après %(n)s mois d’adhésion", "après %(n)s mois d’adhésion", months)
        yield text % {"n": months}
    if row.from_age:
        yield gettext("à partir de %(age)s ans") % {"age": row.from_age}
    if row.to_age is not None:
        yield gettext("jusqu’à %(age)s ans") % {"age": row.to_age}


def _say_limit(limit: Limit) -> str:
    most = _euros(limit.cents) if limit.cents is not None else str(limit.units)
    return f"{most} {PER[limit.per]}"


def _euros(cents: int) -> str:
    return format_euros(cents, current_language())


def _percent(rate_bp: int) -> str:
    number = f"{rate_bp / 100:g}"
    return f"{number}%" if current_language() == "en" else f"{number.replace('.', ',')}\u00a0%"
