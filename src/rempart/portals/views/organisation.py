"""« Mon organisation »: its people and their roles, who is invited, who needs a key again.

Each act has a page of its own, which asks before it does: it works without a script, and comes back
to itself when a fresh ceremony was needed in between.
"""

import uuid
from datetime import timedelta
from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.administration import OF_THE_REGISTER, list_roles_to_give
from rempart.accounts.permissions import Permission
from rempart.accounts.role_names import name_role
from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.kernel.rpps import Rpps
from rempart.portals.administering import (
    FORM_METHODS,
    STATES,
    InviteForm,
    LocumForm,
    ReasonForm,
    Refused,
    RoleForm,
    confirm,
    list_abilities,
    name_request,
    perform,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import send_form
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import current_language
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, open_visit, require_visitor
from rempart.workflows.accounts import administer_organisation as acts
from rempart.workflows.accounts.invite_people import NewInvitation
from rempart.workflows.accounts.read_organisation import (
    ListedPerson,
    PersonColumn,
    find_recovery,
    list_invitations,
    list_people,
    list_recoveries,
    read_person,
)

LOCUM_DAYS: Final = 31
LOCUM_DAYS_MOST: Final = 366
COLUMNS: Final = (
    ("name", _("Nom")),
    ("role", _("Rôle")),
    ("state", _("État")),
    ("seen", _("Dernière connexion")),
)
_ACTS: Final = (
    Permission.INVITE_AGENT,
    Permission.CHANGE_ROLE,
    Permission.SUSPEND_AGENT,
    Permission.RESTORE_AGENT,
    Permission.ASK_RECOVERY,
    Permission.APPROVE_RECOVERY,
)


@require_safe
@allows(Permission.READ_ORGANISATION)
def people(request: HttpRequest) -> HttpResponseBase:
    """Show the people of one's organisation, and what waits for somebody."""
    listing = _read_listing(request)
    with open_visit(request) as (tx, visitor):
        rows, total = list_people(tx, visitor, listing)
        abilities = list_abilities(visitor, _ACTS)
        may_invite = abilities[f"can_{Permission.INVITE_AGENT}"]
        may_decide = abilities[f"can_{Permission.APPROVE_RECOVERY}"]
        context = {
            **abilities,
            "invitations": list_invitations(tx, visitor) if may_invite else [],
            "recoveries": list_recoveries(tx, visitor) if may_decide else [],
        }
    context |= {
        "rows": [_describe_person(row) for row in rows],
        "is_holder": visitor.role is Role.HOLDER,
        **describe_listing(listing, COLUMNS if may_invite else COLUMNS[:-1], total),
    }
    return render(request, "portals/organisation/people.html", context)


@require_safe
@allows(Permission.READ_ORGANISATION)
def people_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the people of one's organisation in the order of the page."""
    with open_visit(request) as (tx, visitor):
        rows, _total = list_people(tx, visitor, export_listing(_read_listing(request)))
    header = (
        *(gettext("nom"), gettext("rôle"), gettext("état"), gettext("répond de cette personne")),
        *(gettext("pour le compte de"), gettext("depuis le"), gettext("jusqu’au")),
        gettext("dernière connexion"),
    )
    return export_csv("organisation.csv", header, (_to_cells(row) for row in rows))


@require_safe
@allows(Permission.READ_ORGANISATION)
def person(request: HttpRequest, membership_ref: int) -> HttpResponseBase:
    """Show one colleague, and what one may do about their role."""
    row, visitor = _load(request, membership_ref)
    context = {
        **_describe_person(row),
        **list_abilities(visitor, _ACTS),
        "is_oneself": row.actor_ref == visitor.actor_ref,
        "is_fixed": row.role in OF_THE_REGISTER,
        "is_above": row.role is Role.HOLDER and visitor.role is not Role.HOLDER,
    }
    return render(request, "portals/organisation/person.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.INVITE_AGENT)
def invite(request: HttpRequest) -> HttpResponseBase:
    """Invite somebody new; their code is shown once, in the answer to the form."""
    visitor = require_visitor(request)
    roles = _list_roles(visitor)
    posted = request.method == "POST"
    form = InviteForm(request.POST, roles=roles) if posted else InviteForm(roles=roles)
    request_id = request.POST.get("request_id") if posted else None
    status = 200
    if posted and form.is_valid():
        made = perform(
            request,
            lambda tx, asker: acts.invite_agent(
                tx,
                asker,
                role=Role(form.cleaned_data["role"]),
                name=form.cleaned_data["name"],
                invitation_ref=name_request(visitor.session_ref, request_id or ""),
            ),
        )
        if isinstance(made, NewInvitation):
            return _show_code(request, made, form.cleaned_data["name"])
        status = made.status
    context = {
        "form": form,
        "request_id": request_id or uuid.uuid4().hex,
        "refused": status == 409,
        "is_holder": visitor.role is Role.HOLDER,
    }
    status = 422 if form.errors else status
    return render(request, "portals/organisation/invite.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.INVITE_AGENT)
def bring_locum(request: HttpRequest) -> HttpResponseBase:
    """Name the professional who replaces the holder who asks, and until when."""
    if require_visitor(request).role is not Role.HOLDER:
        raise Http404
    today = get_today()
    form = (
        LocumForm(request.POST)
        if request.method == "POST"
        else LocumForm(initial={"ends_on": today + timedelta(days=LOCUM_DAYS)})
    )
    if request.method == "POST" and form.is_valid():
        ends_on, rpps = form.cleaned_data["ends_on"], Rpps(form.cleaned_data["rpps"])
        if not today <= ends_on <= today + timedelta(days=LOCUM_DAYS_MOST):
            form.add_error("ends_on", gettext("Entre aujourd’hui et dans un an."))
        else:
            try:
                done = perform(
                    request,
                    lambda tx, asker: acts.bring_locum(tx, asker, rpps=rpps, ends_on=ends_on),
                )
            except Http404:
                done = Refused(422)
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("organisation"))
            form.add_error(
                "rpps",
                gettext(
                    "Aucun professionnel connu de la plateforme n’a ce numéro, "
                    "ou il travaille déjà ici."
                ),
            )
    status = 422 if form.errors else 200
    return render(request, "portals/organisation/locum.html", {"form": form}, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.CHANGE_ROLE)
def change_role(request: HttpRequest, membership_ref: int) -> HttpResponseBase:
    """Give a colleague another role."""
    row, visitor = _load(request, membership_ref)
    roles = _list_roles(visitor, row)
    form = (
        RoleForm(request.POST, roles=roles)
        if request.method == "POST"
        else RoleForm(roles=roles, initial={"role": row.role.value})
    )
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.change_role(
            tx, asker, row.membership_ref, Role(form.cleaned_data["role"])
        ),
        leads_to=lambda _done: reverse("person", args=[row.membership_ref]),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {**_describe_person(row), "form": form, "refused": sent.refused}
    return render(request, "portals/organisation/role.html", context, status=sent.status)


@require_http_methods(FORM_METHODS)
@allows(Permission.SUSPEND_AGENT)
def suspend(request: HttpRequest, membership_ref: int) -> HttpResponseBase:
    """Stop a colleague's role, once confirmed."""
    row, _visitor = _load(request, membership_ref)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.suspend_agent(tx, asker, row.membership_ref)
        ),
        back=reverse("person", args=[row.membership_ref]),
        title=gettext("Suspendre %(name)s") % {"name": row.name},
        sentence=gettext(
            "Ses connexions sont fermées et ses invitations annulées tout de suite. "
            "Son rôle pourra être rétabli ; il faudra alors se connecter de nouveau."
        ),
        button=gettext("Suspendre"),
        refusal=gettext(
            "Refusé : nul ne se suspend soi-même, un titulaire n’est suspendu que par un autre "
            "titulaire, et la dernière personne qui administre garde son rôle. "
            "La page a pu changer entre-temps."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.RESTORE_AGENT)
def restore(request: HttpRequest, membership_ref: int) -> HttpResponseBase:
    """Give a suspended colleague their role back, once confirmed."""
    row, _visitor = _load(request, membership_ref)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.restore_agent(tx, asker, row.membership_ref)
        ),
        back=reverse("person", args=[row.membership_ref]),
        title=gettext("Rétablir %(name)s") % {"name": row.name},
        sentence=gettext(
            "Son rôle reprend. Ses anciennes connexions restent fermées : "
            "il lui faut se connecter de nouveau, avec ses clés."
        ),
        button=gettext("Rétablir"),
        refusal=gettext(
            "Refusé : cette personne n’est pas suspendue ici, "
            "ou son rôle n’est pas de ceux que vous rétablissez."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.ASK_RECOVERY)
def ask_recovery(request: HttpRequest, membership_ref: int) -> HttpResponseBase:
    """Ask that a colleague without a key be invited again; somebody else decides."""
    row, _visitor = _load(request, membership_ref)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    sent = send_form(
        request,
        form,
        lambda tx, asker: acts.ask_recovery(
            tx, asker, row.membership_ref, reason=form.cleaned_data["reason"]
        ),
        leads_to=lambda _done: reverse("organisation"),
    )
    if isinstance(sent, HttpResponse):
        return sent
    context = {**_describe_person(row), "form": form, "refused": sent.refused}
    return render(request, "portals/organisation/ask_recovery.html", context, status=sent.status)


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_RECOVERY)
def recovery(request: HttpRequest, request_ref: int) -> HttpResponseBase:
    """Approve or refuse somebody else's request; a code approved is shown once."""
    with open_visit(request) as (tx, visitor):
        try:
            asked = find_recovery(tx, visitor, read_ref(request_ref))
        except NotFound:
            raise Http404 from None
    status = 200
    if request.method == "POST" and "approve" in request.POST:
        made = perform(
            request, lambda tx, asker: acts.approve_recovery(tx, asker, asked.request_ref)
        )
        if isinstance(made, NewInvitation):
            return _show_code(request, made, asked.name)
        status = made.status
    elif request.method == "POST":
        done = perform(
            request, lambda tx, asker: acts.refuse_recovery(tx, asker, asked.request_ref)
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("organisation"))
        status = done.status
    context = {
        "asked": asked,
        "may_decide": visitor.actor_ref not in {asked.actor_ref, asked.asked_by_ref},
        "refused": status != 200,
    }
    return render(request, "portals/organisation/recovery.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.SUSPEND_AGENT)
def revoke_invitation(request: HttpRequest, invitation_ref: int) -> HttpResponseBase:
    """Take a waiting invitation back, once confirmed."""
    ref = read_ref(invitation_ref)
    with open_visit(request) as (tx, visitor):
        found = [one for one in list_invitations(tx, visitor) if one.invitation_ref == ref]
    if not found:
        raise Http404
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: acts.revoke_invitation(tx, asker, ref)),
        back=reverse("organisation"),
        title=gettext("Annuler l’invitation de %(name)s") % {"name": found[0].name},
        sentence=gettext(
            "Son code n’ouvrira plus rien. Son rôle, lui, reste : suspendez-le aussi."
        ),
        button=gettext("Annuler l’invitation"),
        refusal=gettext("Refusé : cette invitation n’attend plus."),
    )


def _show_code(request: HttpRequest, made: NewInvitation, name: str) -> HttpResponse:
    context = {
        "name": name,
        "code": made.code.format(),
        "expires_at": made.expires_at,
        "is_recovery": made.kind == "recovery",
        "address": f"{get_desk().public_url}{reverse('invitation')}",
    }
    return render(request, "portals/organisation/code.html", context)


def _load(request: HttpRequest, membership_ref: int) -> tuple[ListedPerson, Visitor]:
    try:
        with open_visit(request) as (tx, visitor):
            return read_person(tx, visitor, read_ref(membership_ref)), visitor
    except NotFound:
        raise Http404 from None


def _list_roles(visitor: Visitor, row: ListedPerson | None = None) -> list[Role]:
    if visitor.org_kind is None:
        return []
    return list_roles_to_give(visitor, visitor.org_kind, "agent" if row is None else row.kind)


def _read_listing(request: HttpRequest) -> Listing[PersonColumn]:
    return read_listing(request.GET, get_args(PersonColumn), "name", descending=False)


def _describe_person(row: ListedPerson) -> dict[str, Any]:
    return {
        "row": row,
        "role": name_role(row.role, current_language()),
        "state": STATES[row.state],
        "is_stopped": row.state in {"suspended", "account_suspended"},
    }


def _to_cells(row: ListedPerson) -> tuple[object, ...]:
    said = _describe_person(row)
    return (
        *(row.name, said["role"], said["state"], row.accountable, row.via),
        row.starts_on.isoformat(),
        row.ends_on.isoformat() if row.ends_on else "",
        format_stamp(row.last_at),
    )
