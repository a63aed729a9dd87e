"""« Présence » of the console: what may be asked without proof that the person is there.

Set with a preview of whom it touches; the database shows and takes it from the host's agents only.
"""

from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.findings import BadValue
from rempart.kernel.instants import PARIS
from rempart.kernel.rpps import Rpps
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
from rempart.portals.desk import get_desk
from rempart.portals.paging import read_paging
from rempart.portals.software_forms import describe_refusal
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import EXPORT_ROWS
from rempart.rights.presence import PresencePolicy
from rempart.workflows.rights import manage_presence as acts

SCOPES: Final = {
    "everybody": _("Tout le monde"),
    "establishment": _("Un établissement"),
    "professional": _("Un professionnel"),
}
PRESENCE: Final = {
    "optional": _("jamais exigée"),
    "new-faces": _("pour qui n’est encore jamais venu avec sa carte"),
    "always": _("toujours"),
}
MOST_TYPED: Final = 10_000


class PolicyForm(forms.Form):
    """For whom, whether presence is needed, and how many new persons may be typed a day."""

    scope = forms.ChoiceField(label=_("Pour qui"), choices=list(SCOPES.items()))
    number = forms.CharField(
        label=_("Son numéro"),
        help_text=_("FINESS ou SIRET d’un établissement, RPPS d’un professionnel."),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    presence = forms.ChoiceField(
        label=_("Présence exigée"), choices=list(PRESENCE.items()), initial="new-faces"
    )
    typed_new_persons = forms.IntegerField(
        label=_("Nouvelles personnes saisies par jour et par compte"),
        help_text=_("Vide : sans limite. Cartes, codes et lecteurs Vitale ne comptent pas."),
        required=False,
        min_value=0,
        max_value=MOST_TYPED,
    )
    use_required_attribute = False

    def clean(self) -> dict[str, Any] | None:
        """Refuse a number where there is none to give, and none where there must be one."""
        given = super().clean() or {}
        scope, number = given.get("scope"), given.get("number", "").replace(" ", "")
        if scope == "everybody" and number:
            self.add_error("number", gettext("Laissez vide : la règle vaut pour tout le monde."))
        if scope in {"establishment", "professional"} and not number:
            self.add_error("number", gettext("Écrivez son numéro."))
        if scope == "professional" and number:
            try:
                Rpps.parse(number)
            except BadValue as bad:
                self.add_error("number", describe_refusal(bad))
        return given

    @property
    def policy(self) -> PresencePolicy:
        """The policy it describes."""
        presence = self.cleaned_data["presence"]
        return PresencePolicy(
            presence != "optional", self.cleaned_data["typed_new_persons"], presence != "always"
        )

    @property
    def whose(self) -> dict[str, str | None]:
        """Whose it is, as the workflow takes it."""
        scope = self.cleaned_data["scope"]
        number = self.cleaned_data["number"].replace(" ", "")
        return {
            "rpps": number if scope == "professional" else None,
            "establishment": number if scope == "establishment" else None,
        }


@require_safe
@allows(Permission.READ_SERVICES)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """List the policies, the widest first."""
    paging = read_paging(request.GET)
    rows, total = _list(request, limit=paging.limit, offset=paging.offset)
    context = {
        "rows": [_describe(row) for row in rows],
        **list_abilities(require_visitor(request), [Permission.SET_PRESENCE]),
        **paging.describe(total),
    }
    return render(request, "portals/presence/policies.html", context)


@require_safe
@allows(Permission.READ_SERVICES)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the policies."""
    rows, _total = _list(request, limit=EXPORT_ROWS)
    header = (
        *(gettext("pour qui"), gettext("numéro"), gettext("présence")),
        *(gettext("saisies par jour"), gettext("depuis le")),
    )
    cells = (
        (
            *(line["who"], line["number"], line["presence"]),
            "" if line["bound"] is None else line["bound"],
            line["since"].astimezone(PARIS).isoformat(timespec="seconds"),
        )
        for line in map(_describe, rows)
    )
    return export_csv("presence.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.SET_PRESENCE)
def set_policy(request: HttpRequest) -> HttpResponseBase:
    """Fill in, see whom it touches, then set."""
    if not require_visitor(request).is_host:
        raise Http404
    form = PolicyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, form)
    if "confirmed" in request.POST and _set(request, form):
        return HttpResponseRedirect(reverse("presence-policies"))
    return _preview(request, form)


@require_http_methods(FORM_METHODS)
@allows(Permission.SET_PRESENCE)
def remove(request: HttpRequest, policy_ref: int) -> HttpResponseBase:
    """Take a policy back, once confirmed."""
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.remove_policy(tx, asker, read_ref(policy_ref))
        ),
        back=reverse("presence-policies"),
        title=gettext("Retirer une règle de présence"),
        sentence=gettext(
            "La règle plus large s’applique à sa place dans les deux secondes ; s’il n’y en a pas, "
            "plus rien ne limite les saisies."
        ),
        button=gettext("Retirer la règle"),
        refusal=gettext("Refusé."),
    )


def _list(
    request: HttpRequest, *, limit: int, offset: int = 0
) -> tuple[list[acts.ListedPolicy], int]:
    found = perform(
        request, lambda tx, asker: acts.list_policies(tx, asker, limit=limit, offset=offset)
    )
    if isinstance(found, Refused):
        raise Http404
    return found


def _preview(request: HttpRequest, form: PolicyForm) -> HttpResponseBase:
    try:
        touched = perform(
            request,
            lambda tx, asker: acts.preview_policy(tx, asker, form.policy, **form.whose),
        )
    except Http404:
        form.add_error("number", gettext("Personne n’a ce numéro."))
        return _show(request, form)
    if isinstance(touched, Refused):
        return _show(request, form)
    given = form.cleaned_data
    context = {
        "form": form,
        "touched": touched,
        "who": SCOPES[given["scope"]],
        "presence": PRESENCE[given["presence"]],
        "bound": given["typed_new_persons"],
        "request_id": get_desk().now().isoformat(),
    }
    return render(request, "portals/presence/set.html", context)


def _set(request: HttpRequest, form: PolicyForm) -> bool:
    session_ref = require_visitor(request).session_ref
    policy_ref = name_request(session_ref, request.POST.get("request_id", ""))
    try:
        done = perform(
            request,
            lambda tx, asker: acts.set_policy(
                tx, asker, form.policy, **form.whose, policy_ref=policy_ref
            ),
        )
    except Http404:
        return False
    return not isinstance(done, Refused)


def _show(request: HttpRequest, form: PolicyForm) -> HttpResponseBase:
    status = 422 if form.errors else 200
    return render(request, "portals/presence/set.html", {"form": form}, status=status)


def _describe(row: acts.ListedPolicy) -> dict[str, Any]:
    policy = row.policy
    presence = "optional" if not policy.required else "new-faces"
    if policy.required and not policy.known_faces:
        presence = "always"
    scope = "everybody" if row.rpps is None and row.place is None else "establishment"
    if row.rpps is not None:
        scope = "professional"
    return {
        "ref": row.policy_ref,
        "who": row.place or str(SCOPES[scope]),
        "number": row.rpps or row.place_number or "",
        "presence": str(PRESENCE[presence]),
        "bound": policy.typed_persons_per_day,
        "since": row.set_at,
    }
