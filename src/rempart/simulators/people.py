"""The people a simulated provider knows, and what it says of them.

Refuses to know anybody Rempart's own database does: it reads files, as an outside party would.
"""

import csv
import tomllib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from rempart.kernel.errors import SetupError

ModeOfPractice = Literal["L", "S", "B"]  # self-employed, salaried, voluntary

PROFESSION_TABLE: Final = "1.2.250.1.213.1.1.5.5"
# Profession of the file -> (code of the national table, know-how): TRE_G15 and TRE_R38.
PROFESSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "pharmacy": ("21", ""),
    "pharmacist": ("21", ""),
    "general_practitioner": ("10", "SM54"),
    "nurse": ("60", ""),
    "physiotherapist": ("70", ""),
    "dentist": ("40", ""),
    "optician": ("28", ""),
    "midwife": ("50", ""),
    "laboratory": ("21", ""),
    "hospital": ("10", "SM26"),
    "imaging": ("10", "SM44"),
}
_SECTORS: Final[Mapping[str, str]] = {"hospital": "SA01", "pharmacy": "SA33", "pharmacist": "SA33"}
_SUBJECTS: Final = uuid.UUID("550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One place where somebody practises."""

    name: str
    finess: str = ""
    siret: str = ""
    postcode: str = ""
    city: str = ""
    mode: ModeOfPractice = "L"
    sector: str = "SA07"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in.

    `hint` is what finds them in CIBA: the national identifier of a professional, the subject of
    an agent. `profession` is empty for an agent of a company.
    """

    subject: str
    hint: str
    given_name: str
    family_name: str
    profession: str = ""
    activities: tuple[Activity, ...] = ()

    @property
    def name(self) -> str:
        """First name and family name."""
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def search_text(self) -> str:
        """What a search on the page looks at."""
        places = " ".join(f"{a.name} {a.finess} {a.siret} {a.city}" for a in self.activities)
        return f"{self.name} {self.hint} {places}".casefold()


class Directory:
    """The people of one realm, in the order of their file."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_subject = {person.subject: person for person in people}
        self._by_hint = {person.hint: person for person in self._by_subject.values()}

    def find(self, subject: str) -> Person | None:
        """Return somebody by subject."""
        return self._by_subject.get(subject)

    def find_by_hint(self, hint: str) -> Person | None:
        """Return somebody by national identifier; RPPS numbers come with or without their 8."""
        return self._by_hint.get(hint) or self._by_hint.get(f"8{hint}")

    def search(self, text: str, *, limit: int) -> list[Person]:
        """Return the first people whose name, number or place has every word of `text`."""
        words = text.casefold().split()
        found = []
        for person in self._by_subject.values():
            if all(word in person.search_text for word in words):
                found.append(person)
                if len(found) == limit:
                    break
        return found

    def __len__(self) -> int:
        return len(self._by_subject)


def make_professional(
    rpps: str,
    *,
    given_name: str = "Alix",
    family_name: str = "ESSAI",
    profession: str = "pharmacy",
    activities: Sequence[Activity] = (),
) -> Person:
    """Return a professional: the national identifier is the RPPS number after an 8."""
    return Person(
        subject=f"f:{_SUBJECTS}:8{rpps}",
        hint=f"8{rpps}",
        given_name=given_name,
        family_name=family_name,
        profession=profession,
        activities=tuple(activities),
    )


def load_professionals(file: Path) -> list[Person]:
    """Load a file of professionals as `rempart client load` reads them.

    Several rows with one RPPS number are several places of one person; an optional column `mode`
    says L, S or B.

    Raises:
        SetupError: there is no such file, or it lacks a column.
    """
    people: dict[str, Person] = {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter=";"):
                person = _read_professional(row)
                known = people.get(person.subject)
                people[person.subject] = (
                    replace(known, activities=(*known.activities, *person.activities))
                    if known
                    else person
                )
    except (OSError, KeyError, UnicodeDecodeError) as failure:
        raise SetupError(
            f"{file} is not a file of professionals: write one with `rempart synth`"
        ) from failure
    return list(people.values())


def load_agents(file: Path) -> list[Person]:
    """Load the agents of the simulated company: a TOML file of [[agent]] tables (sub, name).

    Raises:
        SetupError: there is no such file, or an agent lacks `sub` or `name`.
    """
    return [make_agent(row["sub"], row["name"]) for row in load_agent_rows(file)]


def load_agent_rows(file: Path) -> list[dict[str, str]]:
    """Return the [[agent]] tables of a file as texts.

    Raises:
        SetupError: there is no such file, or an agent lacks `sub` or `name`.
    """
    try:
        with file.open("rb") as stream:
            rows = tomllib.load(stream)["agent"]
        texts = [
            {name: str(value) for name, value in row.items()}
            | {"sub": str(row["sub"]), "name": str(row["name"])}
            for row in rows
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as failure:
        raise SetupError(
            f'{file} is not a file of agents: write [[agent]] tables with sub = "…", name = "…"'
        ) from failure
    return texts


def make_agent(subject: str, name: str) -> Person:
    """Return an agent of a company."""
    given_name, _, family_name = name.partition(" ")
    return Person(subject=subject, hint=subject, given_name=given_name, family_name=family_name)


def describe_agent(person: Person) -> dict[str, Any]:
    """Return the claims of an agent."""
    return {
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "preferred_username": person.subject,
    }


def describe_professional(person: Person) -> dict[str, Any]:
    """Return the claims of a professional, in the shape of Pro Santé Connect's userinfo.

    Source: S34 (docs/sources.md).
    """
    code, know_how = PROFESSIONS.get(person.profession, ("10", ""))
    first = person.activities[0] if person.activities else None
    exercise = {
        "codeProfession": code,
        "codeCategorieProfessionnelle": "C",
        "codeCiviliteDexercice": "",
        "nomDexercice": person.family_name,
        "prenomDexercice": person.given_name,
        "codeTypeSavoirFaire": "S" if know_how else "",
        "codeSavoirFaire": know_how,
        "activities": [_describe_activity(one) for one in person.activities],
    }
    return {
        "Secteur_Activite": f"{first.sector if first else ''}^1.2.250.1.71.4.2.4",
        "email_verified": False,
        "SubjectOrganization": first.name if first else "",
        "Mode_Acces_Raison": "",
        "preferred_username": person.hint,
        "given_name": person.given_name,
        "Acces_Regulation_Medicale": "FAUX",
        "UITVersion": "1.0",
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "SubjectRefPro": {"codeCivilite": "", "exercices": [exercise]},
        "SubjectOrganizationID": first.finess if first else "",
        "SubjectRole": [f"{code}^{PROFESSION_TABLE}"],
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "otherIds": [{"identifiant": person.hint, "origine": "RPPS", "qualite": 1}],
        "SubjectNameID": person.hint,
        "family_name": person.family_name,
    }


def _describe_activity(activity: Activity) -> dict[str, str]:
    given = {
        "codeModeExercice": activity.mode,
        "codeSecteurDactivite": activity.sector,
        "codeGenreActivite": "GENR01",
        "numeroSiretSite": activity.siret,
        "numeroSirenSite": activity.siret[:9],
        "numeroFinessSite": activity.finess,
        "raisonSocialeSite": activity.name,
        "bureauCedex": activity.city,
        "codePostal": activity.postcode,
        "codeDepartement": activity.postcode[:2],
    }
    return {name: given.get(name, "") for name in _ACTIVITY_FIELDS}


_ACTIVITY_FIELDS: Final = (
    "codeModeExercice",
    "codeSecteurDactivite",
    "codeSectionPharmacien",
    "codeRole",
    "codeGenreActivite",
    "numeroSiretSite",
    "numeroSirenSite",
    "numeroFinessSite",
    "numeroFinessetablissementJuridique",
    "identifiantTechniqueDeLaStructure",
    "raisonSocialeSite",
    "enseigneCommercialeSite",
    "complementDestinataire",
    "complementPointGeographique",
    "numeroVoie",
    "indiceRepetitionVoie",
    "codeTypeDeVoie",
    "libelleVoie",
    "mentionDistribution",
    "bureauCedex",
    "codePostal",
    "codeCommune",
    "codePays",
    "telephone",
    "telephone2",
    "telecopie",
    "adresseEMail",
    "codeDepartement",
    "ancienIdentifiantDeLaStructure",
    "autoriteDenregistrement",
)


def _read_professional(row: Mapping[str, str]) -> Person:
    profession = row["profession"]
    mode: ModeOfPractice = "S" if (row.get("mode") or _usual_mode(profession)) == "S" else "L"
    activity = Activity(
        name=row["establishment"],
        finess=row["finess"],
        siret=row["siret"],
        postcode=row["postcode"],
        city=row["city"],
        mode=mode,
        sector=_SECTORS.get(profession, "SA07"),
    )
    return make_professional(
        row["rpps"],
        given_name=row["first_name"],
        family_name=row["family_name"],
        profession=profession,
        activities=(activity,),
    )


def _usual_mode(profession: str) -> ModeOfPractice:
    return "S" if profession == "hospital" else "L"
