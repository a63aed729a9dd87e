"""Every word of a scope's report, in French and English, by the stable names of its data.

Refuses to leave a name without its words: a report that shows a code explains nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import FIELD_LABELS, Locale

# For each name, French then English.
REASONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "thief_session": ("session imputée au voleur", "session attributed to the thief"),
        "mixed_session": (
            "session où voleur et titulaire sont passés, ou ne se distinguent pas",
            "session that thief and owner both used, or cannot be told apart in",
        ),
        "presence": ("carte lue : peut-être le titulaire", "card read: perhaps the owner"),
        "claim_followed": (
            "suivie d’une facturation : peut-être le titulaire",
            "followed by a claim: perhaps the owner",
        ),
        "owner_unproved": (
            "session qui paraît celle du titulaire, sans carte ni facturation qui le prouve",
            "session that looks the owner’s, without a card or a claim that proves it",
        ),
        "unknown_outcome": (
            "le journal ne dit pas si quelque chose a été montré",
            "the log does not say whether anything was shown",
        ),
        "unknown_screen": (
            "écran que personne n’a décrit",
            "screen that nobody described",
        ),
        "search": (
            "recherche dont le journal n’a pas les résultats",
            "search whose results are not in the log",
        ),
        "family": ("écran montrant tout le contrat", "screen showing the whole contract"),
        "shared_identifier": (
            "identifiant partagé par plusieurs personnes",
            "identifier shared by several persons",
        ),
        "two_insurers": (
            "deux organismes revendiquent la personne ce jour-là",
            "two insurers claim the person on that day",
        ),
        "not_a_member_that_day": (
            "pas adhérent le jour de la consultation",
            "not a member on the day of the look-up",
        ),
        "other_insurer_logged": (
            "le journal nomme un autre organisme",
            "the log names another insurer",
        ),
        "shown_against_rule": (
            "montrée malgré une règle qui l’écartait",
            "shown despite a rule that excluded it",
        ),
        "log_gap": (
            "il manque une partie des journaux, ou des lignes sont illisibles",
            "a part of the logs is missing, or lines cannot be read",
        ),
        "no_declared_coverage": (
            "la période couverte par les journaux n’est pas déclarée, ou pas toute",
            "the period the logs cover is not declared, or not all of it",
        ),
        "screen_of_unknown_person": (
            "écrans non décrits dont le journal ne nomme personne",
            "screens nobody described, of which the log names no person",
        ),
        "search_of_unknown_person": (
            "recherches ou écrans dont le journal ne nomme personne du fichier",
            "searches or screens of which the log names nobody of the registry",
        ),
        "account_to_confirm": (
            "un compte de la liste manque, un autre a presque le même nom",
            "an account of the list is missing, another has nearly the same name",
        ),
        "other_numbering": (
            "les identifiants des journaux ne ressemblent pas à ceux du fichier",
            "the logs’ identifiers do not look like those of the registry",
        ),
        "lines_without_account": (
            "des lignes montrent quelque chose sans dire à quel compte",
            "lines show something without saying to which account",
        ),
        "agreement_later": (
            "convention commencée après l’attaque",
            "agreement begun after the attack",
        ),
        "left_before_agreement": (
            "parties avant le début de la convention",
            "left before the agreement began",
        ),
        "not_routed": (
            "contrat qui ne passe pas par l’opérateur",
            "contract not routed through the operator",
        ),
        "joined_later": ("arrivées après l’attaque", "joined after the attack"),
    }
)

WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": ("Personnes exposées, d’après les journaux", "Persons exposed, after the logs"),
        "lead": (
            (
                "Attaque du {from} au {to}, heure universelle. {lines} lignes lues dans {files} "
                "fichiers, {unparsed} illisibles."
            ),
            (
                "Attack from {from} to {to}, universal time. {lines} lines read in {files} "
                "files, "
                "{unparsed} unreadable."
            ),
        ),
        "whole_window": (
            "Aucune période d’attaque n’a été donnée : toute celle des journaux est retenue.",
            "No window of the attack was given: all that the logs tell is taken.",
        ),
        "by_insurer": ("Par organisme", "By insurer"),
        "insurer": ("Organisme", "Insurer"),
        "persons": ("Personnes", "Persons"),
        "tier_a": ("A confirmées", "A confirmed"),
        "tier_b": ("B probables", "B probable"),
        "tier_c": ("C non exclues", "C not excluded"),
        "tier_c_named": ("dont nommées par une ligne", "of whom named by a line"),
        "tier_d": ("D exclues", "D excluded"),
        "via": ("Chaîne : {via}.", "Chain: {via}."),
        "agreement": ("Convention depuis le {day}.", "Agreement since {day}."),
        "bounds": (
            "Au moins {lower}, au mieux estimé {best}, au plus {upper}.",
            "At least {lower}, best estimate {best}, at most {upper}.",
        ),
        "none": (
            "Aucune personne de cet organisme n’est concernée.",
            "No person of this insurer is concerned.",
        ),
        "fields": ("Ce qui a été montré", "What was shown"),
        "field": ("Donnée", "Field"),
        "marginal": ("dont appris par l’écran", "of whom learned from the screen"),
        "reasons": ("Pourquoi", "Why"),
        "reason": ("Raison", "Reason"),
        "cannot": ("Exclues, et pourquoi", "Excluded, and why"),
        "excluded_by_logs": (
            "exclues par les journaux, qui sont entiers",
            "excluded by the logs, which are whole",
        ),
        "strangers": (
            "Dans les journaux, absentes des fichiers des organismes",
            "In the logs, not in the registry",
        ),
        "strangers_lead": (
            (
                "Supprimées depuis, ou de personne d’ici. Leur identifiant est dans le fichier "
                "« not-in-registry »."
            ),
            "Deleted since, or of nobody here. Their identifier is in the file “not-in-registry”.",
        ),
        "coverage": ("Couverture des journaux", "Coverage of the logs"),
        "coverage_whole": (
            (
                "Les journaux couvrent toute la période déclarée, sans trou : qui n’y est pas est "
                "exclu."
            ),
            (
                "The logs cover the whole declared period without a hole: who is not in them is "
                "excluded."
            ),
        ),
        "coverage_not": (
            "Personne ne peut être exclu par les journaux, parce que :",
            "Nobody can be excluded by the logs, because:",
        ),
        "accounts": ("Comptes de la liste", "Accounts of the list"),
        "same": ("trouvés", "found"),
        "spelling": ("trouvés sous une autre graphie", "found under another spelling"),
        "near": ("absents, un nom voisin est proposé", "absent, a near name is proposed"),
        "absent": ("absents des journaux", "absent from the logs"),
        "sessions": ("Sessions", "Sessions"),
        "verdict": ("Verdict", "Verdict"),
        "count": ("Nombre", "Number"),
        "thief": ("du voleur", "the thief’s"),
        "mixed": ("mêlées", "mixed"),
        "undecided": ("dont rien ne dit à qui", "nothing tells whose"),
        "owner": ("qui paraissent du titulaire", "that look the owner’s"),
        "timeline": ("Dans le temps", "In time"),
        "timeline_alt": (
            (
                "Consultations des comptes suspects au fil du temps : en rouge, celles de sessions "
                "du voleur ou mêlées ; en gris, celles qui paraissent du titulaire."
            ),
            (
                "Look-ups of the suspect accounts in time: in red those of the thief’s or mixed "
                "sessions, in grey those that look the owner’s."
            ),
        ),
        "attributed": ("du voleur ou mêlées", "the thief’s or mixed"),
        "time": ("Heure universelle", "Universal time"),
        "changes": ("Depuis la réponse précédente", "Since the answer before"),
        "added": ("ajoutées", "added"),
        "removed": ("retirées", "removed"),
        "raised": ("relevées", "raised"),
        "lowered": ("abaissées", "lowered"),
        "changed": ("autres données", "other fields"),
        "method": (
            (
                "Les règles, les empreintes des fichiers et les trous sont dans « method.txt » et "
                "« coverage.json ». Règles d’imputation {rules}, Rempart {version}."
            ),
            (
                "Rules, digests of files and holes are in “method.txt” and “coverage.json”. Rules "
                "of attribution {rules}, Rempart {version}."
            ),
        ),
        "page": ("page", "page"),
    }
)


def say(name: str, locale: Locale, **values: object) -> str:
    """Return the words of a name, with its values in place."""
    text = WORDS[name][0 if locale == "fr" else 1]
    return text.format(**values) if values else text


def explain(reason: str, locale: Locale) -> str:
    """Return a reason in words."""
    return REASONS[reason][0 if locale == "fr" else 1]


def name_field(name: str, locale: Locale) -> str:
    """Return a field in words; a mapping's own field is called as the mapping calls it."""
    for field, label in FIELD_LABELS.items():
        if str(field.name).lower() == name:
            return str(getattr(label, locale))
    return name


def format_count(count: int, locale: Locale) -> str:
    """Write a whole number with its thousands apart.

    >>> format_count(45000, "en")
    '45,000'
    """
    return f"{count:,}".replace(",", "\u202f") if locale == "fr" else f"{count:,}"
