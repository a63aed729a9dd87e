"""« Mouvements »: who joins and who leaves, by a form or a file, and what is wrong line by line."""

from typing import Any, Final, get_args

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.employers.movements import Rule
from rempart.exchange.movement_file import COLUMNS as FILE_COLUMNS
from rempart.exchange.movement_file import read_movements
from rempart.kernel.nir import Nir
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk, get_today
from rempart.portals.employer_wording import (
    BADGES,
    FIELDS,
    KINDS,
    STATES,
    STRUCTURES,
    describe_finding,
)
from rempart.portals.forms import CheckedField
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.uploads import FILE_LIMIT
from rempart.portals.visit import allows
from rempart.workflows.employers import declare_movements as acts
from rempart.workflows.employers import employer_space
from rempart.workflows.employers.employer_space import FindingColumn, GroupContract, MovementColumn

COLUMNS: Final = (
    ("declared", _("Déclaré")),
    ("number", _("Matricule")),
    ("day", _("Jour")),
    ("state", _("État")),
)
FINDING_COLUMNS: Final = (("line", _("Ligne")), ("field", _("Colonne")))


def _make_text(label: Any, *, help_text: Any = "", required: bool = True) -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=80,
        widget=forms.TextInput(attrs=attributes),
    )


class GroupForm(forms.Form):
    """Which contract a movement is of; not asked when there is one."""

    contract = forms.ChoiceField(label=_("Contrat collectif"))
    use_required_attribute = False

    def __init__(self, *values: Any, groups: list[GroupContract], **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["contract"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [
            (str(one.group_ref), f"{one.number} · {one.insurer_name}") for one in groups
        ]
        if len(groups) == 1:
            field.widget = forms.HiddenInput()
            field.initial = str(groups[0].group_ref)

    def read_cells(self) -> dict[str, str]:
        """Return what was typed, by the names of a file's columns."""
        return {name: str(value) for name, value in self.cleaned_data.items()}


class LeaveForm(GroupForm):
    """Somebody leaves."""

    staff_number = _make_text(_("Matricule"))
    date = _make_text(_("Dernier jour du contrat de travail"), help_text=_("JJ/MM/AAAA"))
    ported = forms.ChoiceField(
        label=_("Portabilité"),
        help_text=_(
            "Douze mois au plus, sans cotisation, si la fin du contrat ouvre droit au chômage."
        ),
        choices=[
            ("", _("À choisir")),
            ("oui", _("oui, la personne reste couverte")),
            ("non", _("non, la couverture finit ce jour-là")),
        ],
    )
    field_order = ("contract", "staff_number", "date", "ported")


class JoinForm(GroupForm):
    """Somebody joins."""

    staff_number = _make_text(
        _("Matricule"), help_text=_("Votre propre numéro, jamais le numéro de sécurité sociale.")
    )
    date = _make_text(_("Premier jour de couverture"), help_text=_("JJ/MM/AAAA"))
    work_from = _make_text(
        _("Début du contrat de travail"),
        help_text=_("Vide : le même jour. La portabilité se compte à partir de là."),
        required=False,
    )
    structure = forms.ChoiceField(
        label=_("Structure"),
        choices=[("single", _("Isolé")), ("couple", _("Duo")), ("family", _("Famille"))],
    )
    nir = CheckedField(
        label=_("NIR, avec sa clé"),
        help_text=_("Scellé dès l’envoi : aucune page ne le montre."),
        parse=lambda text: Nir.parse(text).format_compact(),
        numeric=False,
        max_length=28,
    )
    birth_date = _make_text(_("Date de naissance"), help_text=_("JJ/MM/AAAA"))
    birth_rank = _make_text(
        _("Rang de naissance"), help_text=_("1, sauf pour des jumeaux."), required=False
    )
    family_name = _make_text(_("Nom"))
    first_names = _make_text(_("Prénoms"))
    member_contract = _make_text(
        _("Contrat individuel"),
        help_text=_("Seulement si la complémentaire couvre déjà la personne à ce titre."),
        required=False,
    )
    field_order = ("contract", "staff_number", "date", "work_from", "structure")


class FileForm(GroupForm):
    """A file of movements."""

    file = forms.FileField(
        label=_("Fichier CSV"),
        help_text=_("Une ligne par mouvement, 2 000 au plus. Il n’est pas gardé."),
    )
    field_order = ("contract", "file")


@require_safe
@allows(Permission.READ_STAFF)
def movements(request: HttpRequest) -> HttpResponseBase:
    """Show what was told and what became of it."""
    listing, only = read_listing(request.GET, get_args(MovementColumn), "declared"), _only(request)
    rows, total = perform_or_404(
        request, lambda tx, asker: employer_space.list_movements(tx, asker, listing, only=only)
    )
    context = {
        "rows": [describe_movement(one) for one in rows],
        "only": only,
        "states": STATES.items(),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/employer/movements.html", context)


@require_safe
@allows(Permission.READ_STAFF)
def movements_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the same list."""
    only = _only(request)
    listing = export_listing(read_listing(request.GET, get_args(MovementColumn), "declared"))
    rows, _total = perform_or_404(
        request, lambda tx, asker: employer_space.list_movements(tx, asker, listing, only=only)
    )
    return export_movements("mouvements.csv", rows)


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_MOVEMENTS)
def declare_join(request: HttpRequest) -> HttpResponseBase:
    """Tell that somebody joins."""
    return _declare(request, JoinForm, kind="join")


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_MOVEMENTS)
def declare_leave(request: HttpRequest) -> HttpResponseBase:
    """Tell that somebody leaves."""
    return _declare(request, LeaveForm, kind="leave")


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_MOVEMENTS)
def send_file(request: HttpRequest) -> HttpResponseBase:
    """Send a file; its mistakes are shown on a page of their own."""
    groups = _list_groups(request)
    posted = request.method == "POST"
    form = FileForm(
        request.POST if posted else None, request.FILES if posted else None, groups=groups
    )
    if posted and form.is_valid():
        read = read_movements(bytes(form.cleaned_data["file"].read(FILE_LIMIT + 1)))
        group_ref = int(form.cleaned_data["contract"])
        desk = get_desk()
        told = perform_or_404(
            request,
            lambda tx, asker: acts.declare_file(
                tx, asker, group_ref, read, seal=desk.close_joiner, today=_today()
            ),
        )
        if told.findings:
            return HttpResponseRedirect(reverse("movement-file", args=[told.upload_ref]))
        return HttpResponseRedirect(reverse("movements"))
    context = {"form": form, "groups": groups, "columns": FILE_COLUMNS}
    return render(
        request, "portals/employer/send_file.html", context, status=422 if form.errors else 200
    )


@require_safe
@allows(Permission.DECLARE_MOVEMENTS)
def model_csv(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001 - the same for everybody
    """Download the model: the columns, and one line of each kind without anybody in it."""
    rows = (
        ("A-0001", "entrée", "01/12/2026", "01/12/2026", "isolé", *[""] * 7),
        ("A-0002", "sortie", "30/11/2026", *[""] * 8, "oui"),
    )
    return export_csv("modele-mouvements.csv", FILE_COLUMNS, rows)


@require_safe
@allows(Permission.DECLARE_MOVEMENTS)
def movement_file(request: HttpRequest, upload_ref: int) -> HttpResponseBase:
    """Show what is wrong with a file, line by line, and what to do."""
    listing = read_listing(request.GET, get_args(FindingColumn), "line", descending=False)
    upload, rows, total = perform_or_404(
        request,
        lambda tx, asker: employer_space.read_upload(tx, asker, read_ref(upload_ref), listing),
    )
    context = {
        "upload": upload,
        "rows": [
            {"row": one, "field": FIELDS[one.field], "words": describe_finding(one.rule)}
            for one in rows
        ],
        **describe_listing(listing, FINDING_COLUMNS, total),
    }
    return render(request, "portals/employer/movement_file.html", context)


@require_safe
@allows(Permission.DECLARE_MOVEMENTS)
def movement_file_csv(request: HttpRequest, upload_ref: int) -> HttpResponseBase:
    """Download what is wrong with a file, for whoever mends it; no value of it is there."""
    listing = export_listing(
        read_listing(request.GET, get_args(FindingColumn), "line", descending=False)
    )
    _upload, rows, _total = perform_or_404(
        request,
        lambda tx, asker: employer_space.read_upload(tx, asker, read_ref(upload_ref), listing),
    )
    header = gettext("ligne"), gettext("colonne"), gettext("anomalie"), gettext("que faire")
    cells = ((one.line, FIELDS[one.field], *describe_finding(one.rule)) for one in rows)
    return export_csv("anomalies-mouvements.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_MOVEMENTS)
def withdraw(request: HttpRequest, movement_ref: int) -> HttpResponseBase:
    """Take back a movement that waits."""
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.withdraw_movement(tx, asker, read_ref(movement_ref))
        ),
        back=reverse("movements"),
        title=gettext("Retirer ce mouvement"),
        sentence=gettext("La complémentaire ne le verra plus à décider. Rien n’avait changé."),
        button=gettext("Retirer"),
        refusal=gettext("Refusé : il n’attend plus."),
    )


def describe_movement(one: Any) -> dict[str, Any]:
    """Return what a page shows of a movement."""
    return {
        "row": one,
        "kind": KINDS[one.kind],
        "structure": STRUCTURES[one.structure] if one.structure else "",
        "state": describe_state(one.state, STATES, BADGES),
    }


def export_movements(name: str, rows: list[Any]) -> HttpResponseBase:
    """Return movements as a file."""
    header = (
        *(gettext("contrat"), gettext("employeur"), gettext("matricule"), gettext("mouvement")),
        *(gettext("jour"), gettext("couvert jusqu’au"), gettext("état"), gettext("déclaré le")),
        gettext("motif"),
    )
    cells = (
        (
            *(one.contract_number, one.employer_name, one.staff_number, KINDS[one.kind]),
            *(one.happens_on, one.cover_ends_on or "", STATES[one.state]),
            *(format_stamp(one.declared_at), one.reason),
        )
        for one in rows
    )
    return export_csv(name, header, cells)


def _declare(request: HttpRequest, kind_of: Any, *, kind: str) -> HttpResponseBase:
    groups = _list_groups(request)
    form = kind_of(request.POST if request.method == "POST" else None, groups=groups)
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        cells = {**form.read_cells(), "movement": kind}
        group_ref, desk = int(cells.pop("contract")), get_desk()
        told = perform(
            request,
            lambda tx, asker: acts.declare_one(
                tx, asker, group_ref, cells, seal=desk.close_joiner, today=_today()
            ),
        )
        if not isinstance(told, Refused) and told.taken:
            return HttpResponseRedirect(reverse("movements"))
        status = 422
        for one in [] if isinstance(told, Refused) else told.findings:
            what, advice = describe_finding(Rule(one.rule))
            place = one.field if one.field in form.fields else None
            form.add_error(place, f"{what} {advice}")
    context = {"form": form, "groups": groups, "kind": kind}
    return render(request, "portals/employer/declare.html", context, status=status)


def _list_groups(request: HttpRequest) -> list[GroupContract]:
    return perform_or_404(
        request, lambda tx, asker: employer_space.list_own_groups(tx, asker, today=_today())
    )


def _only(request: HttpRequest) -> str:
    only = request.GET.get("etat", "")
    return only if only in STATES else ""


def _today() -> Any:
    return get_today()
