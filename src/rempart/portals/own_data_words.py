"""What is held about a member, in words: kinds of data, and the sections of the printed copy."""

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.exchange.own_data_document import Part, Section
from rempart.portals.care_wording import CLAIM_STATES, PEC_STATES
from rempart.portals.member_wording import DISPUTE_REASONS, DISPUTE_STATES, MEDIA, MESSAGE_KINDS
from rempart.portals.money_cells import format_cell
from rempart.retention.fields import Field, Phase
from rempart.workflows.members.own_data import Move

FIELD_NAMES: Final[Mapping[Field, Promise]] = MappingProxyType(
    {
        Field.CIVIL: _("Vos noms, votre date et votre rang de naissance"),
        Field.NIR: _("Votre numéro de Sécurité sociale"),
        Field.NUMBERS: _("Vos numéros de contrat et d’adhérent"),
        Field.CONTACT: _("Votre adresse, votre courriel, votre téléphone"),
        Field.COVERAGE: _("Les dates et les garanties de votre contrat"),
        Field.CARD: _("Vos cartes de tiers payant"),
        Field.ACCOUNT: _("Votre accès à cet espace : clés, connexions, événements"),
        Field.CARE: _("Les soins facturés pour vous"),
        Field.PAYMENT: _("Les montants payés pour vous"),
        Field.LIMITS: _("Ce que vous avez utilisé de vos plafonds"),
        Field.PROMISE: _("Vos prises en charge"),
        Field.LOOKUPS: _("Le registre de qui a consulté vos droits"),
    }
)
PHASE_NAMES: Final[Mapping[Phase, Promise]] = MappingProxyType(
    {
        Phase.ACTIVE: _("dans la base active"),
        Phase.ARCHIVE: _("archivé : presque personne ne peut le lire"),
        Phase.GONE: _("nous n’en avons pas"),
    }
)
PHASE_BADGES: Final[Mapping[Phase, tuple[str, str]]] = MappingProxyType(
    {
        Phase.ACTIVE: ("badge-info", "check"),
        Phase.ARCHIVE: ("badge-plain", "pause"),
        Phase.GONE: ("badge-plain", "minus"),
    }
)
_IDENTITY: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "family_name": _("Nom"),
        "birth_name": _("Nom de naissance"),
        "first_names": _("Prénoms"),
        "birth_date": _("Date de naissance"),
        "birth_rank": _("Rang de naissance"),
        "insured_nir": _("Numéro de Sécurité sociale de l’assuré"),
        "own_nir": _("Numéro de Sécurité sociale"),
        "email": _("Courriel"),
        "phone": _("Téléphone"),
        "address": _("Adresse"),
        "postcode": _("Code postal"),
        "city": _("Ville"),
        "stated_on": _("Dit par votre complémentaire le"),
    }
)


def describe_move(move: Move) -> str:
    """Return what moved a member's periods, in a sentence: when, never the words of the file."""
    days = {"on": _format_day(move.starts_on), "until": _format_day(move.ends_on)}
    if move.kind == "portability":
        words = gettext(
            "Portabilité : votre couverture a continué après votre contrat de travail, jusqu’au "
            "%(until)s. La fin du contrat se compte de ce jour."
        )
    elif move.kind == "interruption":
        words = gettext(
            "Le %(on)s, une démarche (lettre recommandée, expertise, justice) a fait repartir de "
            "zéro le délai pour demander ou contester un remboursement."
        )
    elif move.ends_on is None:
        words = gettext(
            "Depuis le %(on)s, le délai pour demander ou contester un remboursement ne court "
            "plus. Le jour où il reprendra n’est pas encore connu."
        )
    else:
        words = gettext(
            "Du %(on)s au %(until)s, le délai pour demander ou contester un remboursement n’a pas "
            "couru."
        )
    return words % days


def _format_day(day: date | None) -> str:
    return "" if day is None else date_format(day, "DATE_FORMAT")


def make_sections(data: Mapping[str, Any]) -> list[Section]:
    """Return the sections of the printed copy: what the file says, for people to read."""
    return [one for one in _list_sections(data) if one.parts or one.lead]


def _list_sections(data: Mapping[str, Any]) -> Iterator[Section]:
    yield _say_identity(data["identity"])
    yield Section(
        title=gettext("Vos contrats"),
        parts=_make_part(
            (gettext("du"), gettext("au"), gettext("suspendu du"), gettext("au")),
            [
                (one["starts_on"], one["ends_on"], one["suspended_from"], one["suspended_to"])
                for one in data["coverage"]
            ],
        ),
    )
    yield Section(
        title=gettext("Vos cartes"),
        parts=_make_part(
            (gettext("numéro"), gettext("valable du"), gettext("au"), gettext("personnes")),
            [
                (one["serial"], one["valid_from"], one["valid_to"], ", ".join(one["people"]))
                for one in data["cards"]
            ],
        ),
    )
    yield _say_claims(data["reimbursements"])
    yield Section(
        title=gettext("Vos prises en charge"),
        parts=_make_part(
            (gettext("numéro"), gettext("état")),
            [
                (one["number"], PEC_STATES.get(one["state"], one["state"]))
                for one in data["prises_en_charge"]["listed"]
            ],
        ),
    )
    yield _say_consultations(data["consultations"])
    yield _say_words(data)
    yield _say_account(data["account"])


def _say_identity(identity: Mapping[str, Any]) -> Section:
    rows = [(str(name), identity[key]) for key, name in _IDENTITY.items() if identity.get(key)]
    contracts = [
        (one["contract_number"], one["member_number"]) for one in identity.get("contracts", [])
    ]
    return Section(
        title=gettext("Votre identité, telle que votre complémentaire la donne"),
        parts=(
            *_make_part((gettext("quoi"), gettext("valeur")), rows),
            *_make_part((gettext("contrat"), gettext("numéro d’adhérent")), contracts),
        ),
    )


def _say_claims(claims: Mapping[str, Any]) -> Section:
    rows = [
        (
            *(one["first_care_on"], one["biller"]),
            ", ".join(
                f"{line['label']} {format_cell(line['billed_cents'])}" for line in one["lines"]
            ),
            *(format_cell(one["amc_cents"]), format_cell(one["reste_a_charge_cents"])),
            CLAIM_STATES.get(one["state"], one["state"]),
        )
        for one in claims["listed"]
    ]
    head = (
        *(gettext("soins du"), gettext("chez"), gettext("soins (prix)")),
        *(gettext("part complémentaire"), gettext("reste à charge"), gettext("état")),
    )
    return Section(title=gettext("Vos remboursements"), parts=_make_part(head, rows))


def _say_consultations(consultations: Mapping[str, Any]) -> Section:
    total = consultations["total"]
    return Section(
        title=gettext("Qui a consulté vos droits"),
        lead=gettext(
            "%(total)s consultations. Chacune est dans le fichier ; la page « Qui a consulté mes "
            "droits » les donne en liste, avec leur preuve."
        )
        % {"total": total},
    )


def _say_words(data: Mapping[str, Any]) -> Section:
    messages = [(one["sent_at"][:10], MESSAGE_KINDS[one["kind"]]) for one in data["messages"]]
    disputes = [
        (
            one["made_at"][:10],
            f"{DISPUTE_REASONS[one['reason']]} ({DISPUTE_STATES[one['state']]})",
        )
        for one in data["disputes"]["listed"]
    ]
    reports = [
        (one["made_at"][:10], f"{gettext('Message suspect')} : {MEDIA[one['medium']]}")
        for one in data["suspicious_messages"]
    ]
    head = gettext("le"), gettext("quoi")
    return Section(
        title=gettext("Ce que vous et votre complémentaire vous êtes écrit"),
        parts=_make_part(head, [*messages, *disputes, *reports]),
    )


def _say_account(account: Mapping[str, Any]) -> Section:
    return Section(
        title=gettext("Votre accès"),
        parts=(
            *_make_part(
                (gettext("clé"), gettext("depuis le"), gettext("utilisée le")),
                [
                    (one["label"], one["created_at"][:10], (one["used_at"] or "")[:10])
                    for one in account["keys"]
                ],
            ),
            *_make_part(
                (gettext("connexion ouverte le"), gettext("depuis"), gettext("avec")),
                [
                    (one["opened_at"][:10], one["address"], one["agent"])
                    for one in account["sessions"]
                ],
            ),
        ),
    )


def _make_part(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> tuple[Part, ...]:
    if not rows:
        return ()
    cells = tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows)
    return (Part(columns=columns, rows=cells),)
