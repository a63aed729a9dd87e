"""What a proof shows, in words that somebody who is not of the trade understands, in two languages.

Refuses to say more than was verified: what rests on a key that nobody vouched for, on a group that
is closed, or on a witness that was not checked is said to.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from rempart.disclosure.acts import ActRefused, LedgerRead, Statement, parse_statement
from rempart.disclosure.entry import Kind, Mode, Outcome, Purpose
from rempart.disclosure.evidence import Endorsed, EntryProved, HistoryProved
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION, format_fields
from rempart.disclosure.opening import Opening, What, Who, Whom
from rempart.disclosure.proof_file import Disagreement
from rempart.kernel.findings import BadValue, Language
from rempart.kernel.instants import PARIS, from_day_number
from rempart.tariffs.domains import Domain


class Words(NamedTuple):
    """One thing said in both languages."""

    fr: str
    en: str

    def say(self, language: Language, **values: object) -> str:
        """Return it in one language, with its blanks filled."""
        return (self.fr if language == "fr" else self.en).format(**values)


class Line(NamedTuple):
    """One fact: what it is about, and what is shown of it."""

    name: str
    value: str


KINDS: Final[Mapping[int, Words]] = MappingProxyType(
    {
        Kind.DISCLOSE: Words(
            "réponse à une consultation de droits d’une personne connue",
            "an answer about the rights of a known person",
        ),
        Kind.NEGATIVE: Words(
            "réponse à une consultation qui n’a trouvé personne",
            "an answer about nobody we know",
        ),
        Kind.BULK: Words("fichier remis sur plusieurs personnes", "a file about many people"),
        Kind.LEDGER_READ: Words("lecture du registre", "somebody read the ledger"),
        Kind.ERASE: Words("effacement du contenu d’entrées", "openings were erased"),
        Kind.SEAL: Words("fermeture d’un segment du registre", "a segment was sealed"),
        Kind.KEY: Words("changement de clé du registre", "the log changed its key"),
        Kind.RECOVERY: Words("reprise du registre après une perte", "the log was recovered"),
        Kind.SESSION: Words("ouverture d’une séance", "an account came in"),
    }
)
PURPOSES: Final[Mapping[int, Words]] = MappingProxyType(
    {
        Purpose.BILLING: Words("facturation", "billing"),
        Purpose.QUOTE: Words("devis", "quote"),
        Purpose.ADMISSION: Words("admission", "admission"),
        Purpose.RECHECK: Words("nouvelle vérification", "recheck"),
    }
)
MODES: Final[Mapping[int, Words]] = MappingProxyType(
    {
        Mode.CARD: Words("le code de la carte", "the code of the card"),
        Mode.TYPED: Words("des identifiants saisis", "identifiers that were typed"),
        Mode.VITALE: Words("la carte Vitale", "the Vitale card"),
        Mode.CODE: Words(
            "des identifiants saisis et le code du jour de la carte électronique",
            "typed identifiers and the code of the electronic card",
        ),
        Mode.OFFLINE: Words(
            "la carte, vérifiée sans connexion et rapportée ensuite",
            "the card, verified offline and reported afterwards",
        ),
        Mode.CLAIM: Words(
            "une facture envoyée auparavant par le même établissement",
            "a claim sent before by the same establishment",
        ),
    }
)
OUTCOMES: Final[Mapping[int, Words]] = MappingProxyType(
    {
        Outcome.OPEN: Words("droits ouverts", "rights open"),
        Outcome.CLOSED_OUT_OF_PERIOD: Words("hors période", "out of period"),
        Outcome.CLOSED_SUSPENDED: Words("droits suspendus", "rights suspended"),
        Outcome.CLOSED_DOMAIN: Words("domaine non couvert", "domain not covered"),
        Outcome.UNKNOWN: Words("personne inconnue", "person unknown"),
        Outcome.CUT: Words(
            "complémentaire coupée, rien n’a été dit", "insurer cut, nothing was said"
        ),
        Outcome.CLAIM: Words("suite donnée à une facture", "what became of a claim"),
    }
)
DISAGREEMENTS: Final[Mapping[Disagreement, Words]] = MappingProxyType(
    {
        Disagreement.TEXT: Words(
            "Le texte n’est pas celui d’une preuve : une ligne manque, dépasse ou est mal écrite.",
            "The text is not that of a proof: a line is missing, too many, or badly written.",
        ),
        Disagreement.OPENING: Words(
            "Ce que la preuve montre de l’entrée se contredit ou est mal écrit.",
            "What the proof shows of the entry contradicts itself or is badly written.",
        ),
        Disagreement.NOTE: Words(
            "Le point de contrôle du registre est mal écrit.",
            "The log’s checkpoint is badly written.",
        ),
        Disagreement.PLACE: Words(
            "L’entrée montrée n’est pas à cette place dans ce registre : ce qu’elle montre, son "
            "indice, un hachage ou la racine signée a été changé.",
            "The entry shown is not at this place in this log: what it shows, its index, a hash or "
            "the signed root was changed.",
        ),
        Disagreement.LOG: Words(
            "Aucune des clés données n’est celle du registre nommé dans la preuve.",
            "None of the keys given is that of the log the proof names.",
        ),
        Disagreement.SIGNATURE: Words(
            "La signature n’est pas celle du registre : la clé donnée n’a pas signé cette racine.",
            "The signature is not the log’s: the key given did not sign this root.",
        ),
        Disagreement.WITNESS: Words(
            "La signature d’un témoin est fausse.", "The signature of a witness is wrong."
        ),
        Disagreement.QUORUM: Words(
            "Trop peu de témoins ont signé.", "Too few witnesses have signed."
        ),
        Disagreement.HISTORY: Words(
            "Le registre d’après ne continue pas celui d’avant.",
            "The later log does not continue the earlier one.",
        ),
    }
)

_WHEN: Final = Words("Quand", "When")
_WHAT_HAPPENED: Final = Words("Quoi", "What")
_WHO: Final = Words("Qui", "Who")
_WHOM: Final = Words("Au sujet de", "About whom")
_WHY: Final = Words("Pour quoi", "What for")
_HOW: Final = Words("Personne désignée par", "Person designated by")
_ANSWER: Final = Words("Réponse", "Answer")
_SHOWN: Final = Words("Ce qui a été montré", "What was shown")
_NOTHING: Final = Words("rien", "nothing")
_UNKNOWN: Final = Words("code {code}", "code {code}")
_CLOSED_WHO: Final = Words(
    "non montré par cette preuve (seulement scellé)", "not shown by this proof (only sealed)"
)
_ACCOUNT: Final = Words(
    "compte de référence {account}, séance {session} ; l’opérateur dit quel organisme c’est",
    "account of reference {account}, session {session}; the operator tells whose it is",
)
_HOST: Final = Words(
    "l’opérateur, en ligne de commande sur sa machine",
    "the operator, at the command line of its machine",
)
_PERSON: Final = Words(
    "personne de référence {person}, complémentaire n° {insurer} (son entrée n° {number})",
    "person of reference {person}, insurer {insurer} (its entry number {number})",
)
_NOBODY: Final = Words("personne en particulier", "nobody in particular")
_WHERE: Final = Words("Où", "Where")
_PLACE: Final = Words(
    "entrée n° {index} du registre {origin}, qui en comptait {size}",
    "entry {index} of the log {origin}, which had {size}",
)
_GREW: Final = Words(
    "le registre {origin}, de {old} à {new} entrées : rien de ce qui y était n’a changé",
    "the log {origin}, from {old} to {new} entries: nothing that was in it has changed",
)
_SIGNED_BY: Final = Words("Signé par", "Signed by")
_NOT_CHECKED: Final = Words(
    "personne, pour l’instant : aucune clé de registre n’a été donnée pour comparer",
    "nobody, so far: no key of a log was given to compare with",
)
_WITNESSES: Final = Words("Témoins", "Witnesses")
_COUNT: Final = Words(
    "{right} vérifié(s), {unchecked} signature(s) non vérifiée(s)",
    "{right} verified, {unchecked} signature(s) not verified",
)
_CARE: Final = Words("{domain}, soins du {day}", "{domain}, care of {day}")
_SAID: Final = Words("Déclaré", "Stated")
_SESSION: Final = Words("Séance", "Session")

NOT_PROVED: Final = (
    Words(
        "que quelqu’un a lu la réponse : l’entrée est écrite avant l’envoi, et peut être de trop",
        "that anybody read the answer: the entry is written before it leaves, and may be one too "
        "many",
    ),
    Words(
        "qu’il n’y a pas d’autres entrées : une preuve montre une entrée, pas une liste complète",
        "that there are no other entries: a proof shows one entry, not a complete list",
    ),
    Words(
        "qui tenait le clavier : un compte peut être volé",
        "who was at the keyboard: an account may be stolen",
    ),
    Words(
        "ce qui ne passe pas par le registre : sauvegardes, base de données, machine",
        "what does not pass the ledger: backups, the database, the machine",
    ),
)
NO_WITNESS: Final = Words(
    "que tout le monde voit le même registre : aucun témoin vérifié n’a signé ; celui qui tient la "
    "clé et la base pourrait en montrer un autre",
    "that everybody sees the same log: no verified witness signed; whoever holds the key and the "
    "database could show another one",
)
NO_KEY: Final = Words(
    "que le registre a signé : donnez sa clé (--vkey), reçue d’ailleurs que de cette preuve",
    "that the log signed: give its key (--vkey), received from elsewhere than this proof",
)


def describe_opening(opening: Opening, language: Language) -> list[Line]:
    """Say what is shown of an entry: when, what, who, whom, what for, what was shown."""
    lines = [
        Line(_WHEN.say(language), format_instant(opening.t_ms, language)),
        Line(_WHAT_HAPPENED.say(language), _name(KINDS, opening.kind, language)),
        Line(_WHO.say(language), _describe_who(opening.who, language)),
        Line(_WHOM.say(language), _describe_whom(opening.whom, language)),
    ]
    if isinstance(opening.what, What) and opening.kind in {Kind.DISCLOSE, Kind.NEGATIVE}:
        lines += _describe_what(opening.what, language)
    if opening.statement is not None:
        lines.append(Line(_SAID.say(language), _describe_statement(opening)))
    if opening.session is not None:
        facts = opening.session
        lines.append(
            Line(_SESSION.say(language), f"{facts.method}, {facts.address}, {facts.agent}")
        )
    return lines


def describe_proved(proved: EntryProved, language: Language) -> list[Line]:
    """Say what the proof of an entry proves: the entry, its place, who signed."""
    checkpoint = proved.endorsed.checkpoint
    place = _PLACE.say(language, index=proved.idx, origin=checkpoint.origin, size=checkpoint.size)
    return [
        *describe_opening(proved.opening, language),
        Line(_WHERE.say(language), place),
        *_describe_signatures(proved.endorsed, language),
    ]


def describe_history(proved: HistoryProved, language: Language) -> list[Line]:
    """Say what a consistency proof proves: from which state to which, who signed."""
    new, old = proved.new.checkpoint, proved.old.checkpoint
    sizes = _GREW.say(language, origin=new.origin, old=old.size, new=new.size)
    return [Line(_WHERE.say(language), sizes), *_describe_signatures(proved.new, language)]


def list_not_proved(proved: EntryProved, language: Language) -> list[str]:
    """Say what the proof of an entry leaves open."""
    words = [*NOT_PROVED]
    if not proved.endorsed.cosignatures:
        words.insert(0, NO_WITNESS)
    if proved.endorsed.key is None:
        words.insert(0, NO_KEY)
    return [one.say(language) for one in words]


def _describe_signatures(endorsed: Endorsed, language: Language) -> list[Line]:
    at = [
        f"{one.witness} ({format_instant(one.time_s * 1000, language)})"
        for one in endorsed.cosignatures
    ]
    count = _COUNT.say(language, right=len(at), unchecked=endorsed.unchecked)
    key = endorsed.key.vkey if endorsed.key else _NOT_CHECKED.say(language)
    return [
        Line(_SIGNED_BY.say(language), key),
        Line(_WITNESSES.say(language), " ; ".join([count, *at])),
    ]


def format_instant(t_ms: int, language: Language) -> str:
    """Write an instant of the ledger in Paris time, to the second."""
    try:
        return _format(datetime.fromtimestamp(t_ms / 1000, UTC), language)
    except (OverflowError, ValueError, OSError):
        return f"{t_ms} ms"


def _format(at: datetime, language: Language) -> str:
    there = at.astimezone(PARIS)
    if language == "fr":
        return f"{there:%d/%m/%Y à %H:%M:%S} (heure de Paris)"
    return f"{there:%Y-%m-%d %H:%M:%S} (Paris time)"


def _describe_who(who: Who | bytes, language: Language) -> str:
    if isinstance(who, bytes):
        return _CLOSED_WHO.say(language)
    if who.account_ref == 0:
        return _HOST.say(language)
    return _ACCOUNT.say(language, account=who.account_ref, session=who.session_ref)


def _describe_whom(whom: Whom | bytes, language: Language) -> str:
    if isinstance(whom, bytes):
        return _CLOSED_WHO.say(language)
    if whom.person_ref == 0:
        return _NOBODY.say(language)
    return _PERSON.say(
        language, person=whom.person_ref, insurer=whom.insurer_id, number=whom.ins_seq
    )


def _describe_what(what: What, language: Language) -> list[Line]:
    try:
        domain = Domain.from_number(what.domain).label(language)
    except BadValue:
        domain = _UNKNOWN.say(language, code=what.domain)
    try:
        day = from_day_number(what.care_day).strftime(
            "%d/%m/%Y" if language == "fr" else "%Y-%m-%d"
        )
    except OverflowError:
        day = str(what.care_day)
    care = _CARE.say(language, domain=domain, day=day)
    return [
        Line(_WHY.say(language), f"{_name(PURPOSES, what.purpose, language)} – {care}"),
        Line(_HOW.say(language), _name(MODES, what.mode, language)),
        Line(_ANSWER.say(language), _name(OUTCOMES, what.outcome, language)),
        Line(_SHOWN.say(language), describe_fields(what.fields, what.schema_version, language)),
    ]


def describe_fields(mask: int, schema_version: int, language: Language) -> str:
    """Name the fields an answer carried; a list written in another version is given as it is."""
    if schema_version != FIELDS_SCHEMA_VERSION or mask < 0:
        return _UNKNOWN.say(language, code=f"{schema_version}/{mask}")
    return ", ".join(format_fields(mask, language)) or _NOTHING.say(language)


def _describe_statement(opening: Opening) -> str:
    body = opening.statement or ""
    try:
        act = parse_statement(Statement(opening.kind, body))
    except ActRefused:
        return body
    return f"{act.question}: {act.purpose}" if isinstance(act, LedgerRead) else body


def _name(table: Mapping[int, Words], code: int, language: Language) -> str:
    return table[code].say(language) if code in table else _UNKNOWN.say(language, code=code)
