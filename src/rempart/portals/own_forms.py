"""What an insurer fills in about an incident: notes, tasks, decisions, what it told authorities.

Refuses to ask for whom: it is always for the insurer itself.
"""

from datetime import UTC
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.incidents.case import CaseFile
from rempart.incidents.clock_rules import Trait
from rempart.incidents.room import REASON_LIMIT
from rempart.portals.authority_wording import REPORTS, list_choices
from rempart.portals.clock_wording import TRAITS
from rempart.portals.room_forms import MomentField
from rempart.portals.views.authorities import RiskForm, SeverityForm
from rempart.workflows.incidents import clocks as clock_acts
from rempart.workflows.incidents import insurer_incidents as acts
from rempart.workflows.incidents.insurer_incidents import NewNote
from rempart.workflows.incidents.notify_authority import REFERENCE_LIMIT, Submission

_AREA: Final = forms.Textarea(attrs={"rows": 2, "autocomplete": "off"})
_HINT: Final = _("JJ/MM/AAAA HH:MM, heure de Paris")
# What an insurer may be, or not: the rest is the operator's to say.
_TRAITS: Final = (
    *(Trait.FINANCIAL_ENTITY, Trait.CYBER_INSURED, Trait.CONTROLLER, Trait.INFORMS_ACPR),
    *(Trait.NO_TOLERANCE_BUT_FINAL, Trait.NO_TOLERANCE),
)
# What an insurer submits; ANSSI, CERT Santé and NIS2 are the operator's.
_REPORTS: Final = {
    key: words
    for key, words in REPORTS.items()
    if key.partition("/")[0] in {"cnil", "dora", "complaint", "persons", "acpr"}
}


class OwnNoteForm(forms.Form):
    """A note, a task or a decision of the insurer's own."""

    kind = forms.ChoiceField(
        label=_("Quoi"),
        choices=[("note", _("Note")), ("task", _("Tâche")), ("decision", _("Décision"))],
        help_text=_("Lue par votre organisme seulement : l’opérateur ne la voit pas."),
    )
    words = forms.CharField(
        label=_("Texte"), help_text=_("Ne nommez personne."), max_length=2000, widget=_AREA
    )
    reason = forms.CharField(
        label=_("Pourquoi, pour une décision"), max_length=2000, widget=_AREA, required=False
    )
    owner = forms.CharField(
        label=_("Par qui, pour une tâche"), max_length=acts.OWNER_LIMIT, required=False
    )
    due = MomentField(label=_("Pour quand, pour une tâche"), help_text=_HINT, required=False)
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Ask why a decision was taken, and who does a task."""
        given = super().clean() or {}
        if given.get("kind") == "decision" and not given.get("reason", "").strip():
            self.add_error("reason", _("Une décision a sa raison."))
        if given.get("kind") == "task" and not given.get("owner", "").strip():
            self.add_error("owner", _("Une tâche a quelqu’un qui la fait."))
        return given

    def make_note(self) -> NewNote:
        """Return what was written; the form is valid."""
        given = self.cleaned_data
        return NewNote(
            kind=given["kind"],
            words=given["words"],
            reason=given["reason"],
            owner=given["owner"],
            due_at=given["due"],
        )


class OwnSubmissionForm(forms.Form):
    """What the insurer submitted outside, when, under which reference."""

    report = forms.ChoiceField(label=_("Quoi"), choices=list_choices(_REPORTS))
    at = MomentField(label=_("Déposé le"), help_text=_HINT)
    reference = forms.CharField(
        label=_("Référence reçue"),
        max_length=REFERENCE_LIMIT,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    use_required_attribute = False

    def make_submission(self, insurer_id: int | None) -> Submission:
        """Return what was submitted; the form is valid."""
        given = self.cleaned_data
        report, _slash, phase = given["report"].partition("/")
        return Submission(
            report=report,
            phase=phase,
            at=given["at"].astimezone(UTC),
            reference=given["reference"],
            insurer_id=insurer_id,
        )


class OwnDutyForm(forms.Form):
    """That the CNIL needs no notification, or no further one, and why."""

    duty = forms.ChoiceField(
        label=_("Décision"),
        choices=[
            ("cnil_not_required", _("ne pas notifier la CNIL : un risque est peu probable")),
            ("cnil_complete", _("ne rien ajouter : la notification initiale était complète")),
        ],
    )
    reason = forms.CharField(label=_("Raisons"), max_length=REASON_LIMIT, widget=_AREA)
    use_required_attribute = False


class OwnAwarenessForm(forms.Form):
    """How the insurer knew otherwise than by the operator's notice."""

    words = forms.CharField(label=_("Ce qui l’établit"), max_length=2000, widget=_AREA)
    at = MomentField(label=_("Depuis quand"), help_text=_HINT)
    use_required_attribute = False


class OwnTraitForm(forms.Form):
    """What the insurer is, or is not, in this incident, and why."""

    held = forms.ChoiceField(
        label=_("Votre organisme"), choices=[("oui", _("l’est")), ("non", _("ne l’est pas"))]
    )
    trait = forms.ChoiceField(
        label=_("Qualité"), choices=[(one.value, TRAITS[one]) for one in _TRAITS]
    )
    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Qui l’a décidé, sur quel texte."),
        max_length=clock_acts.REASON_LIMIT,
        widget=_AREA,
    )
    use_required_attribute = False


class OwnSeverityForm(SeverityForm):
    """How severe it is for one group of the insurer's own people."""

    def __init__(self, *values: Any, case: CaseFile, **options: Any) -> None:
        super().__init__(*values, case=case, **options)
        del self.fields["party"]


class OwnRiskForm(RiskForm):
    """Whether the insurer's people are told, and why."""

    def __init__(self, *values: Any, case: CaseFile, **options: Any) -> None:
        super().__init__(*values, case=case, **options)
        del self.fields["party"]
