"""« Logiciels »: the software that may call the gateway, its keys, its end.

The operator sees all of it, a publisher its own: the database decides which. Each sensitive act has
a page of its own, so that a fresh confirmation of who one is comes back to it.
"""

from typing import Any, Final, get_args

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission, can
from rempart.accounts.registration import Obstacle, SoftwareRefused
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.software_forms import WORDS, KeyForm, RegisterForm
from rempart.portals.times import format_stamp
from rempart.portals.visit import Transaction, allows, get_whence, open_visit
from rempart.portals.whole_numbers import BIGGEST_REF
from rempart.workflows.accounts.register_software import (
    Author,
    ListedSoftware,
    SoftwareSort,
    StoredSoftware,
    add_software_key,
    end_software_key,
    find_establishment,
    find_software,
    list_keys,
    list_publishers,
    list_software,
    register_software,
    revoke_software,
)

COLUMNS: Final = (
    ("name", _("Nom")),
    ("label", _("Intitulé")),
    ("publisher", _("Éditeur")),
    ("added", _("Depuis")),
    ("state", _("État")),
)


@require_safe
@allows(Permission.READ_SOFTWARE)
def software(request: HttpRequest) -> HttpResponseBase:
    """List the software one may see."""
    listing = read_listing(request.GET, get_args(SoftwareSort), "added")
    with open_visit(request) as (tx, visitor):
        rows, total = list_software(tx, listing)
    context = {
        "rows": rows,
        **describe_listing(listing, COLUMNS, total),
        "may_register": _may(visitor, Permission.REGISTER_SOFTWARE),
    }
    return render(request, "portals/software/list.html", context)


@require_safe
@allows(Permission.READ_SOFTWARE)
def software_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list in the order of the page."""
    listing = read_listing(request.GET, get_args(SoftwareSort), "added")
    with open_visit(request) as (tx, _visitor):
        rows, _total = list_software(tx, export_listing(listing))
    header = (
        *(gettext("nom"), gettext("intitulé"), gettext("éditeur"), gettext("preuve")),
        *(gettext("établissement"), gettext("enregistré le"), gettext("révoqué le")),
    )
    return export_csv("logiciels.csv", header, (_to_cells(row) for row in rows))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.REGISTER_SOFTWARE)
def register(request: HttpRequest) -> HttpResponseBase:
    """Register a software; a publisher its own, the operator anybody's."""
    with open_visit(request) as (tx, visitor):
        publishers = list_publishers(tx)
    form = RegisterForm(
        request.POST if request.method == "POST" else None,
        publishers=publishers,
        for_host=visitor.is_host,
    )
    if request.method == "POST" and form.is_valid():
        client_ref = _register(request, form)
        if client_ref is not None:
            return HttpResponseRedirect(reverse("one-software", args=[client_ref]))
    context = {"form": form, "has_publisher": bool(publishers)}
    return render(request, "portals/software/register.html", context, status=_status(form))


@require_safe
@allows(Permission.READ_SOFTWARE)
def one_software(request: HttpRequest, client_ref: int) -> HttpResponseBase:
    """Show a software and its keys."""
    with open_visit(request) as (tx, visitor):
        found = _find(tx, client_ref)
        keys = list_keys(tx, client_ref)
    # The portals' own software is nobody's to change: it follows the home.
    is_open = found.revoked_at is None and found.publisher_ref is not None
    context = {
        "software": found,
        "keys": keys,
        "may_rotate": is_open
        and found.certificate_subject is None
        and _may(visitor, Permission.ROTATE_SOFTWARE_KEY),
        "may_revoke": is_open and _may(visitor, Permission.REVOKE_SOFTWARE),
    }
    return render(request, "portals/software/one.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.ROTATE_SOFTWARE_KEY)
def add_key(request: HttpRequest, client_ref: int) -> HttpResponseBase:
    """Add a key to a software; the others go on until they are ended."""
    with open_visit(request) as (tx, _visitor):
        found = _find(tx, client_ref)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            with open_visit(request) as (tx, visitor):
                key = form.cleaned_data["jwk"]
                add_software_key(tx, client_ref, key, author=_author(request, visitor))
            return _show(client_ref)
        except SoftwareRefused as refused:
            form.add_error("jwk", str(WORDS[refused.obstacle]))
    context = {"form": form, "software": found}
    return render(request, "portals/software/add_key.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.ROTATE_SOFTWARE_KEY)
def end_key(request: HttpRequest, client_ref: int, kid: str) -> HttpResponseBase:
    """End a key of a software now."""
    with open_visit(request) as (tx, _visitor):
        found = _find(tx, client_ref)
        known = any(key.kid == kid for key in list_keys(tx, client_ref))
    if not known:
        raise Http404
    obstacle = None
    if request.method == "POST":
        try:
            with open_visit(request) as (tx, visitor):
                end_software_key(tx, client_ref, kid, author=_author(request, visitor))
            return _show(client_ref)
        except SoftwareRefused as refused:
            obstacle = refused.obstacle
    return _ask(request, "end_key", found, obstacle, kid=kid)


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.REVOKE_SOFTWARE)
def revoke(request: HttpRequest, client_ref: int) -> HttpResponseBase:
    """Revoke a software for good."""
    with open_visit(request) as (tx, _visitor):
        found = _find(tx, client_ref)
    obstacle = None
    if request.method == "POST":
        try:
            with open_visit(request) as (tx, visitor):
                revoke_software(tx, client_ref, author=_author(request, visitor))
            return _show(client_ref)
        except SoftwareRefused as refused:
            obstacle = refused.obstacle
    return _ask(request, "revoke", found, obstacle)


def _register(request: HttpRequest, form: RegisterForm) -> int | None:
    """Register what a valid form says; None when it cannot be, and the form says why."""
    number = form.cleaned_data.get("establishment", "")
    with open_visit(request) as (tx, visitor):
        establishment_ref = find_establishment(tx, number) if number else None
        if number and establishment_ref is None:
            form.add_error("establishment", gettext("Aucun établissement n’a ce numéro."))
            return None
        registration = form.make_registration(establishment_ref=establishment_ref)
        if registration is None:
            return None
        try:
            return register_software(tx, registration, author=_author(request, visitor))
        except SoftwareRefused as refused:
            form.add_error("client_id", str(WORDS[refused.obstacle]))
            return None


def _find(tx: Transaction, client_ref: int) -> StoredSoftware:
    try:
        return find_software(tx, client_ref=min(client_ref, BIGGEST_REF))
    except NotFound:
        raise Http404 from None


def _ask(
    request: HttpRequest,
    act: str,
    found: StoredSoftware,
    obstacle: Obstacle | None,
    **more: Any,
) -> HttpResponse:
    """Ask whether somebody really wants to; an obstacle is told above the button."""
    context = {"software": found, "obstacle": obstacle and WORDS[obstacle], **more}
    status = 409 if obstacle else 200
    return render(request, f"portals/software/{act}.html", context, status=status)


def _show(client_ref: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("one-software", args=[client_ref]))


def _author(request: HttpRequest, visitor: Visitor) -> Author:
    return Author(visitor, get_whence(request))


def _may(visitor: Visitor, permission: Permission) -> bool:
    return can(visitor, permission, now=get_desk().now())


def _status(form: KeyForm | RegisterForm) -> int:
    return 422 if form.errors else 200


def _to_cells(row: ListedSoftware) -> tuple[object, ...]:
    return (
        *(row.client_id, row.label, row.publisher),
        row.certificate_subject or gettext("clés : %(count)s") % {"count": row.live_keys},
        *(row.establishment, format_stamp(row.created_at), format_stamp(row.revoked_at)),
    )
