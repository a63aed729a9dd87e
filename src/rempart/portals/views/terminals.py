"""« Lecteurs Vitale »: the readers whose signature proves that a Vitale card was there.

The host's security registers them; an establishment sees its own and stops them.
"""

from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.accounts.registration import PublicJwk, parse_jwk
from rempart.kernel.findings import BadValue
from rempart.kernel.instants import PARIS
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    list_abilities,
    name_request,
    perform,
    read_ref,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.paging import read_paging
from rempart.portals.software_forms import describe_refusal
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import EXPORT_ROWS, read_order
from rempart.workflows.rights import manage_presence as acts

COLUMNS: Final = (
    ("label", _("Lecteur")),
    ("place", _("Établissement")),
    ("added", _("Depuis")),
    ("state", _("État")),
)


class TerminalForm(forms.Form):
    """Where a reader stands, what it is called, and its public key: pasted, or as a file."""

    establishment = forms.CharField(
        label=_("Établissement"),
        help_text=_("Son numéro FINESS ou SIRET."),
        max_length=14,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    label = forms.CharField(
        label=_("Nom du lecteur"),
        help_text=_("Ce que les gens lisent : « Comptoir 2 »."),
        max_length=acts.LABEL_LETTERS,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    jwk = forms.CharField(
        label=_("Clé publique (JWK)"),
        help_text=_("L’objet JSON entier, accolades comprises. Jamais la clé privée."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(label=_("Ou son fichier « .json »"), required=False)
    use_required_attribute = False

    def clean(self) -> dict[str, Any] | None:
        """Read the key, from one place or the other."""
        given = super().clean() or {}
        file = given.get("file")
        text = given.get("jwk", "") if file is None else file.read().decode("utf-8", "replace")
        try:
            self.key: PublicJwk = parse_jwk(text)
        except BadValue as bad:
            self.add_error("jwk" if file is None else "file", describe_refusal(bad))
        return given


@require_safe
@allows(Permission.READ_TERMINALS)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """List the readers one may see."""
    sort, descending = read_order(request.GET, get_args(acts.TerminalColumn), "added")
    paging = read_paging(request.GET)
    rows, total = _list(request, limit=paging.limit, offset=paging.offset)
    visitor = require_visitor(request)
    context = {
        "rows": rows,
        "columns": COLUMNS,
        "sort": sort,
        "descending": descending,
        "is_host": visitor.is_host,
        **list_abilities(visitor, [Permission.REGISTER_TERMINAL, Permission.REVOKE_TERMINAL]),
        **paging.describe(total),
    }
    return render(request, "portals/presence/terminals.html", context)


@require_safe
@allows(Permission.READ_TERMINALS)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the readers in the order of the page."""
    rows, _total = _list(request, limit=EXPORT_ROWS)
    header = (
        *(gettext("lecteur"), gettext("établissement"), gettext("numéro"), gettext("clé")),
        *(gettext("enregistré le"), gettext("révoqué le")),
    )
    cells = (
        (
            *(row.label, row.place, row.place_number, row.kid),
            *(
                "" if at is None else at.astimezone(PARIS).isoformat(timespec="seconds")
                for at in (row.registered_at, row.revoked_at)
            ),
        )
        for row in rows
    )
    return export_csv("lecteurs-vitale.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.REGISTER_TERMINAL)
def register(request: HttpRequest) -> HttpResponseBase:
    """Fill in, then believe what a reader signs."""
    visitor = require_visitor(request)
    if not visitor.is_host:
        raise Http404
    form = TerminalForm()
    if request.method == "POST":
        form = TerminalForm(request.POST, request.FILES)
        if form.is_valid() and _register(request, form):
            return HttpResponseRedirect(reverse("terminals"))
    status = 422 if form.errors else 200
    context = {"form": form}
    return render(request, "portals/presence/register.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.REVOKE_TERMINAL)
def revoke(request: HttpRequest, terminal_ref: int) -> HttpResponseBase:
    """Stop a reader for ever, once confirmed."""
    found = perform(
        request, lambda tx, asker: acts.read_terminal(tx, asker, read_ref(terminal_ref))
    )
    if isinstance(found, Refused):
        raise Http404
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.revoke_terminal(tx, asker, found.terminal_ref)
        ),
        back=reverse("terminals"),
        title=gettext("Révoquer « %(label)s »") % {"label": found.label},
        sentence=gettext(
            "En moins de cinq secondes, plus rien de ce qu’il signe n’est cru, nulle part. Cela ne "
            "se défait pas : un lecteur retrouvé reçoit une nouvelle clé."
        ),
        button=gettext("Révoquer ce lecteur"),
        refusal=gettext("Refusé : il est révoqué déjà."),
    )


def _list(
    request: HttpRequest, *, limit: int, offset: int = 0
) -> tuple[list[acts.ListedTerminal], int]:
    sort, descending = read_order(request.GET, get_args(acts.TerminalColumn), "added")
    listing = Listing(sort=sort, descending=descending, limit=limit, offset=offset)
    found = perform(request, lambda tx, asker: acts.list_terminals(tx, asker, listing))
    if isinstance(found, Refused):
        raise Http404
    return found


def _register(request: HttpRequest, form: TerminalForm) -> bool:
    given = form.cleaned_data
    session_ref = require_visitor(request).session_ref
    try:
        done = perform(
            request,
            lambda tx, asker: acts.register_terminal(
                tx,
                asker,
                form.key.jwk,
                establishment=given["establishment"].replace(" ", ""),
                label=given["label"],
                terminal_ref=name_request(session_ref, f"reader {form.key.kid}"),
            ),
        )
    except Http404:
        form.add_error("establishment", gettext("Aucun établissement n’a ce numéro."))
        return False
    if isinstance(done, Refused):
        form.add_error(
            "jwk", gettext("Cette clé est enregistrée déjà : chaque lecteur a la sienne.")
        )
        return False
    return True
