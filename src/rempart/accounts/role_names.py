"""What people call the roles and the kinds of organisations, in both languages."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from rempart.accounts.roles import OrganisationKind, Role
from rempart.kernel.findings import Language


class Names(NamedTuple):
    """One thing's name in each language."""

    fr: str
    en: str


ROLE_NAMES: Final[Mapping[Role, Names]] = MappingProxyType(
    {
        Role.HOLDER: Names("Titulaire", "Holder"),
        Role.LOCUM: Names("Remplaçant", "Locum"),
        Role.ASSISTANT: Names("Assistant", "Assistant"),
        Role.ESTABLISHMENT_MANAGER: Names("Gestionnaire de l’établissement", "Manager"),
        Role.INSURER_ADMIN: Names("Administrateur", "Administrator"),
        Role.INSURER_MANAGER: Names("Gestionnaire", "Case manager"),
        Role.INSURER_DPO: Names("Délégué à la protection des données", "Data protection officer"),
        Role.EMPLOYER_ADMIN: Names("Administrateur", "Administrator"),
        Role.EMPLOYER_HR: Names("Ressources humaines", "Human resources"),
        Role.OPERATOR_ADMIN: Names("Administrateur", "Administrator"),
        Role.OPERATOR_OPS: Names("Exploitation", "Operations"),
        Role.OPERATOR_SECURITY: Names("Sécurité", "Security"),
        Role.OPERATOR_DPO: Names("Délégué à la protection des données", "Data protection officer"),
        Role.PUBLISHER_ADMIN: Names("Administrateur", "Administrator"),
        Role.PUBLISHER_DEVELOPER: Names("Développeur", "Developer"),
        Role.MEMBER: Names("Adhérent", "Member"),
    }
)

KIND_NAMES: Final[Mapping[OrganisationKind, Names]] = MappingProxyType(
    {
        "operator": Names("Opérateur de tiers payant", "Operator"),
        "insurer": Names("Complémentaire", "Insurer"),
        "establishment": Names("Établissement", "Establishment"),
        "employer": Names("Employeur", "Employer"),
        "publisher": Names("Éditeur de logiciels", "Software publisher"),
    }
)


def name_role(role: Role, language: Language) -> str:
    """Return the name of a role, as its organisation's people say it."""
    names = ROLE_NAMES[role]
    return names.en if language == "en" else names.fr


def name_kind(kind: OrganisationKind, language: Language) -> str:
    """Return the name of a kind of organisation."""
    names = KIND_NAMES[kind]
    return names.en if language == "en" else names.fr
