"""The letter that brings a member their invitation code, as plain text to be printed.

Refuses to name anybody: whoever prints it adds the address of the contract, from the insurer's
own files.
"""

from datetime import date
from typing import Final

from rempart.accounts.invitations import InvitationCode

_LETTER: Final = """\
{insurer}

Votre espace adhérent : votre code d’invitation

Madame, Monsieur,

Voici le code qui ouvre votre espace adhérent. Il sert une seule fois, jusqu’au {day}.

    {code}

1. Sur votre ordinateur ou votre téléphone, ouvrez cette adresse, en la tapant vous-même :

    {address}

2. Saisissez le code. Les tirets et les minuscules sont acceptés.
3. Suivez la page : votre appareil crée une clé d’accès, que vous déverrouillez comme d’habitude
   (empreinte, visage ou code de l’appareil). Il n’y a pas de mot de passe.

Personne ne vous demandera ce code, ni par téléphone, ni par courriel, ni par SMS. Si vous n’avez
rien demandé, détruisez cette lettre et prévenez votre complémentaire.
"""


def format_invitation_letter(
    code: InvitationCode, *, address: str, insurer: str, last_day: date
) -> str:
    """Write the letter, in French.

    Args:
        code: The code, shown in full: the letter is the only place where it is.
        address: Where the code is typed, with its scheme.
        insurer: Who writes.
        last_day: The last whole day on which the code works, Paris civil date.
    """
    return _LETTER.format(
        code=code.format(), address=address, insurer=insurer, day=f"{last_day:%d/%m/%Y}"
    )
