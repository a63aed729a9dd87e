"""What the pages of an organisation share: who asks, what is refused in which words, forms.

A refusal of the rules becomes a sentence beside the form that asked; what is another organisation's
is a page that does not exist.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg import Connection

from rempart.accounts.permissions import Permission, can
from rempart.accounts.role_names import name_role
from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.rpps import Rpps
from rempart.portals.desk import get_desk
from rempart.portals.forms import CheckedField, DayField, LineField, current_language
from rempart.portals.visit import get_whence, open_visit
from rempart.portals.whole_numbers import BIGGEST_REF
from rempart.workflows.accounts.administer_organisation import REASON_LIMIT, Asker
from rempart.workflows.accounts.handle_reports import OUTCOME_LIMIT
from rempart.workflows.accounts.invite_people import NAME_LIMIT
from rempart.workflows.accounts.read_organisation import PersonState

Result = TypeVar("Result")
Act = Callable[[Connection[tuple[object, ...]], Asker], Result]

STATES: Final[Mapping[PersonState, Promise]] = MappingProxyType(
    {
        "active": _("Actif"),
        "invited": _("Invité"),
        "to_come": _("À venir"),
        "suspended": _("Suspendu"),
        "account_suspended": _("Compte arrêté par l’opérateur"),
    }
)
FORM_METHODS: Final = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The rules said no; `status` is the page's."""

    status: int


def perform(request: HttpRequest, act: Act[Result]) -> Result | Refused:
    """Do something in one transaction of the visitor; nothing of it stays when it is refused.

    Raises:
        Http404: what it is about is not there for this visitor.
    """
    try:
        with open_visit(request) as (tx, visitor):
            now = get_desk().now()
            return act(tx, Asker(visitor=visitor, whence=get_whence(request), now=now))
    except NotFound:
        raise Http404 from None
    except (NotAllowed, Conflict, InvalidRequest) as refusal:
        return Refused(refusal.status)


def perform_or_404(request: HttpRequest, act: Act[Result]) -> Result:
    """Do as `perform`, for a page that is not there when its reading is refused.

    Raises:
        Http404: refused, or not there for this visitor.
    """
    done = perform(request, act)
    if isinstance(done, Refused):
        raise Http404
    return done


def confirm(
    request: HttpRequest, do: Callable[[], object], *, back: str, **words: str
) -> HttpResponse:
    """Ask, then do; a refusal is shown on the page that asked.

    Args:
        request: GET asks, POST does.
        do: Does it, by `perform`.
        back: Where to go once it is done, or given up.
        words: title, sentence, button and refusal of the page.
    """
    status = 200
    if request.method == "POST":
        done = do()
        if not isinstance(done, Refused):
            return HttpResponseRedirect(back)
        status = done.status
    context = {**words, "back": back, "refused": status != 200}
    return render(request, "portals/organisation/confirm.html", context, status=status)


def list_abilities(visitor: Visitor, permissions: Iterable[Permission]) -> dict[str, bool]:
    """Say which of these the visitor's role has, by name, for a template."""
    now = get_desk().now()
    return {f"can_{one}": can(visitor, one, now=now) for one in permissions}


def read_ref(ref: int) -> int:
    """Return a reference of an address.

    Raises:
        Http404: no reference is that large.
    """
    if ref > BIGGEST_REF:
        raise Http404
    return ref


def name_request(session_ref: int, request_id: str) -> int:
    """Return the reference of what a form makes: sent twice by one session, it is made once."""
    digest = hashlib.sha256(f"{session_ref}|{request_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1 or 1


def list_role_choices(roles: Iterable[Role]) -> list[tuple[str, str]]:
    """Return roles for a list to choose from, under their names."""
    return [(role.value, name_role(role, current_language())) for role in roles]


class RoleForm(forms.Form):
    """A role, among those the visitor may give.

    Args:
        roles: Those roles.
    """

    role = forms.ChoiceField(label=_("Rôle"))
    use_required_attribute = False

    def __init__(self, *values: object, roles: Iterable[Role], **options: object) -> None:
        super().__init__(*values, **options)  # type: ignore[arg-type]
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = list_role_choices(roles)


class InviteForm(RoleForm):
    """Who is invited, and in which role."""

    name = LineField(
        label=_("Nom"),
        help_text=_("Comme ses collègues l’appellent."),
        max_length=NAME_LIMIT,
    )
    field_order = ("name", "role")


class LocumForm(forms.Form):
    """Which professional replaces the holder, until when."""

    rpps = CheckedField(
        label=_("Numéro RPPS du remplaçant"),
        help_text=_("11 chiffres. On se connecte avec Pro Santé Connect : aucun code à remettre."),
        parse=lambda text: Rpps.parse(text).number,
        numeric=True,
        max_length=16,
    )
    ends_on = DayField(
        label=_("Dernier jour du remplacement"),
        help_text=_("JJ/MM/AAAA"),
    )
    use_required_attribute = False


class ReasonForm(forms.Form):
    """Why somebody needs a new invitation."""

    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Ce qui est arrivé à ses clés, et comment vous l’avez reconnu."),
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    use_required_attribute = False


class OutcomeForm(forms.Form):
    """What was done about a report."""

    outcome = forms.CharField(
        label=_("Ce qui a été fait"),
        help_text=_("La personne qui a signalé lira ces mots."),
        max_length=OUTCOME_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    measure = forms.ChoiceField(
        label=_("Le compte"),
        choices=[
            ("none", _("rien ne change")),
            ("suspend", _("l’arrêter : ses connexions sont fermées partout, tout de suite")),
            ("restore", _("le rétablir")),
        ],
    )
    use_required_attribute = False
