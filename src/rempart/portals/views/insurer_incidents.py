"""An insurer's incidents: what it was told, its packages, its certificates.

Refuses to show what was not sent to it, and to hand out a package before its receipt is written.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from django import forms
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.package_archive import Entry, iterate_archive
from rempart.exchange.package_sealing import format_fingerprint
from rempart.incidents.packages import Level
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.downloads import RETRY_AFTER_S, Download, TooManyDownloads
from rempart.portals.list_page import ListPage
from rempart.portals.package_wording import (
    CONCLUSIONS,
    LEVELS,
    STANDINGS,
    describe_package,
)
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, open_visit, require_visitor
from rempart.portals.watching import read_number
from rempart.workflows.incidents import insurer_incidents as acts
from rempart.workflows.incidents import sealing_keys
from rempart.workflows.incidents.insurer_incidents import OwnIncident, Parcel, Receipt, Received
from rempart.workflows.incidents.sealing_keys import ShownKey

_RANGE: Final = re.compile(r"bytes=(\d{1,15})-")
COLUMNS: Final = (("sent", _("Dernier envoi")), ("persons", _("Personnes")))
RELAY_COLUMNS: Final = (
    ("insurer", _("Complémentaire")),
    ("sent", _("Envoyé")),
    ("received", _("Reçu")),
    ("number", _("N°")),
)


_RELAY_SORTABLE: Final[tuple[acts.PackageColumn, ...]] = ("sent", "insurer", "received", "number")


class KeyForm(forms.Form):
    """A certificate, pasted or as a file."""

    pasted = forms.CharField(
        label=_("Certificat X.509, en PEM"),
        help_text=_(
            "Le certificat seul, clé RSA de 3072 bits ou plus. Jamais la clé privée : gardez-la."
        ),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(label=_("Ou un fichier"), required=False)
    use_required_attribute = False

    def read(self) -> bytes:
        """Return the certificate; the form is valid."""
        file = self.cleaned_data.get("file")
        return bytes(file.read()) if file else str(self.cleaned_data["pasted"]).strip().encode()


def _describe_own(row: OwnIncident) -> dict[str, Any]:
    return {
        "row": row,
        "conclusion": CONCLUSIONS[row.conclusion],
        "starts_at": in_paris(row.starts_ms),
        "ends_at": in_paris(row.ends_ms),
    }


_LIST: Final = ListPage(
    template="portals/packages/own_incidents.html",
    columns=COLUMNS,
    sortable=get_args(acts.OwnColumn),
    load=acts.list_incidents,
    describe=_describe_own,
)


def _describe_relayed(one: Received) -> dict[str, Any]:
    """Describe a package with when each level had it: the first of its receipts counts."""
    first: dict[Level, Receipt] = {}
    for receipt in one.receipts:
        first.setdefault(receipt.level, receipt)
    mine = first.get(Level.OPERATOR)
    theirs = one.package.received_at
    return {
        **describe_package(one.package),
        "levels": [
            (LEVELS[level], first[level].organisation, first[level].received_at)
            for level in (Level.OPERATOR, Level.SUB_PROCESSOR, Level.INSURER)
            if level in first
        ],
        "mine": mine,
        "said": any((r.level, r.way) == (Level.OPERATOR, "acknowledged") for r in one.receipts),
        "to_carry": mine is not None and theirs is None and one.package.state == "sent",
    }


_RELAYED: Final = ListPage(
    template="portals/packages/relayed.html",
    columns=RELAY_COLUMNS,
    sortable=_RELAY_SORTABLE,
    load=acts.list_relayed,
    describe=_describe_relayed,
)


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def own_incidents(request: HttpRequest) -> HttpResponseBase:
    """List the incidents that the insurer was told of."""
    return _LIST.show(request)


@require_safe
@allows(Permission.RECEIVE_PACKAGE)
def download(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Hand a package out; that it was received is written first."""
    return _hand_out(request, package_ref)


@require_POST
@allows(Permission.RECEIVE_PACKAGE)
def acknowledge(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Note that a package was received."""
    perform_or_404(request, lambda tx, asker: acts.acknowledge(tx, asker, read_ref(package_ref)))
    back = read_number(request.POST, "incident")
    if back is not None:
        return HttpResponseRedirect(reverse("own-incident", args=[back]))
    return HttpResponseRedirect(reverse("own-incidents"))


@require_safe
@allows(Permission.READ_OWN_INCIDENTS)
def keys(request: HttpRequest) -> HttpResponseBase:
    """Show the insurer's certificates."""
    return _show_keys(request)


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_SEALING_KEYS)
def give_key(request: HttpRequest) -> HttpResponseBase:
    """Give a certificate."""
    form = KeyForm(request.POST or None, request.FILES or None)
    if request.method != "POST":
        return render(request, "portals/packages/give_key.html", {"form": form})
    status = 422
    if form.is_valid():
        done = perform(request, lambda tx, asker: sealing_keys.try_key(tx, asker, form.read()))
        if not isinstance(done, str | Refused):
            return HttpResponseRedirect(reverse("sealing-keys"))
        status = done.status if isinstance(done, Refused) else 422
        form.add_error("pasted", done if isinstance(done, str) else _("Déjà donné."))
    return render(request, "portals/packages/give_key.html", {"form": form}, status=status)


@require_POST
@allows(Permission.MANAGE_SEALING_KEYS)
def decide_key(request: HttpRequest, key_ref: int) -> HttpResponseBase:
    """Agree to a colleague's certificate, refuse one, or take one back."""
    do = sealing_keys.approve_key if "approve" in request.POST else sealing_keys.end_key
    done = perform(request, lambda tx, asker: do(tx, asker, read_ref(key_ref)))
    if isinstance(done, Refused):
        return _show_keys(request, status=done.status)
    return HttpResponseRedirect(reverse("sealing-keys"))


@require_safe
@allows(Permission.RELAY_PACKAGES)
def relayed(request: HttpRequest) -> HttpResponseBase:
    """List the packages of the insurers that a hosted operator runs."""
    return _RELAYED.show(request)


@require_safe
@allows(Permission.RELAY_PACKAGES)
def download_relayed(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Hand a package out to a hosted operator; it opens it only with the insurer's key."""
    return _hand_out(request, package_ref)


@require_POST
@allows(Permission.RELAY_PACKAGES)
def acknowledge_relayed(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    """Note that a hosted operator received a package."""
    perform_or_404(request, lambda tx, asker: acts.acknowledge(tx, asker, read_ref(package_ref)))
    return HttpResponseRedirect(reverse("relayed-packages"))


def _show_keys(request: HttpRequest, *, status: int = 200) -> HttpResponseBase:
    shown = perform_or_404(request, sealing_keys.list_keys)
    visitor = require_visitor(request)
    context = {
        "keys": [_describe_key(one, visitor.actor_ref) for one in shown],
        "refused": status != 200,
        **list_abilities(visitor, [Permission.MANAGE_SEALING_KEYS]),
    }
    return render(request, "portals/packages/keys.html", context, status=status)


def _describe_key(one: ShownKey, me: int) -> dict[str, Any]:
    return {
        "row": one.key,
        "standing": one.standing,
        "words": STANDINGS[one.standing],
        "fingerprint": format_fingerprint(one.key.fingerprint),
        "may_approve": one.standing == "proposed" and one.key.proposed_by != me,
        "may_end": one.standing in {"proposed", "cooling", "in_force", "replaced"},
    }


def _hand_out(request: HttpRequest, package_ref: int) -> HttpResponseBase:
    parcel = perform_or_404(
        request, lambda tx, asker: acts.prepare_download(tx, asker, read_ref(package_ref))
    )
    start = _read_start(request, parcel.size)
    try:
        pieces = Download(_stream(request, parcel, start))
    except TooManyDownloads:
        context = {"what": "unavailable", "status": 503}
        busy = render(request, "portals/error.html", context, status=503)
        busy.headers["Retry-After"] = str(RETRY_AFTER_S)
        return busy
    response = StreamingHttpResponse(pieces, content_type="application/x-tar")
    response.headers["Content-Disposition"] = f'attachment; filename="{parcel.name}"'
    response.headers["Content-Length"] = str(parcel.size - start)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = f'"{parcel.package_ref}"'
    if start:
        response.status_code = 206
        last = parcel.size - 1
        response.headers["Content-Range"] = f"bytes {start}-{last}/{parcel.size}"
    return response


def _stream(request: HttpRequest, parcel: Parcel, start: int) -> Iterator[bytes]:
    """Yield the archive; each sealed file is read in a transaction of its own."""

    def make_load(position: int) -> Any:
        def load() -> bytes:
            with open_visit(request) as (tx, _visitor):
                return acts.load_file(tx, parcel.package_ref, position)

        return load

    def give(content: bytes) -> Any:
        return lambda: content

    entries = [Entry(name, len(content), give(content)) for name, content in parcel.clear]
    entries += [Entry(one.name, one.size, make_load(one.position)) for one in parcel.files]
    return iterate_archive(entries, mtime=int(parcel.made_at.timestamp()), start=start)


def _read_start(request: HttpRequest, size: int) -> int:
    """Return where a download goes on; anything but one open range begins again."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    start = int(match[1]) if match else 0
    return start if start < size else 0
