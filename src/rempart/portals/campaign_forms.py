"""What is filled in about a campaign: facts, pace, a file of contact data, the reason of a step."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.portals.campaign_wording import CHANNELS, MESSAGE_STATES
from rempart.portals.facts_form import FactsForm
from rempart.workflows.notices.campaign_contacts import LARGEST_FILE
from rempart.workflows.notices.campaigns import MessageFilter

_MOST_PER_HOUR: Final = 10_000_000


def _pace() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Messages par heure"),
        help_text=_("Ce que votre accueil téléphonique peut suivre. Vide : sans limite."),
        required=False,
        min_value=1,
        max_value=_MOST_PER_HOUR,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 8}),
    )


class CampaignForm(FactsForm):
    """What everybody of a campaign is told, and how fast."""

    per_hour = _pace()


class PaceForm(forms.Form):
    """How fast a campaign goes."""

    per_hour = _pace()
    use_required_attribute = False


class ContactsForm(forms.Form):
    """A file of contact data."""

    file = forms.FileField(
        label=_("Fichier de coordonnées (CSV)"),
        help_text=_(
            "La liste de l’envoi scellé, avec des colonnes en plus : email, adresse_1, code_postal,"
            " ville, pays, representant, langue, decede, adresse_protegee, par_courrier,"
            " presentation, fin_de_contrat."
        ),
    )
    use_required_attribute = False

    def clean_file(self) -> Any:
        """Refuse what a page does not take."""
        given = self.cleaned_data["file"]
        if given.size > LARGEST_FILE:
            raise forms.ValidationError(
                _("Plus de 24 Mo : coupez le fichier, ou remettez-le à l’opérateur.")
            )
        return given


class ReturnsForm(ContactsForm):
    """A list of letters that came back."""

    file = forms.FileField(
        label=_("Liste des lettres revenues (CSV)"),
        help_text=_(
            "Une colonne « reference » (trois groupes de quatre signes, lus dans la fenêtre de"
            " l’enveloppe) et une colonne « motif » : NPAI, non réclamé, refusé, décédé."
        ),
    )


class MessagesForm(forms.Form):
    """Which messages a list shows."""

    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("tous")), *MESSAGE_STATES.items()]
    )
    voie = forms.ChoiceField(
        label=_("Voie"), required=False, choices=[("", _("toutes")), *CHANNELS.items()]
    )
    numero = forms.IntegerField(
        label=_("Numéro"),
        required=False,
        min_value=1,
        max_value=(1 << 63) - 1,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 10}),
    )

    def make_filter(self) -> MessageFilter:
        """Return the filter; what cannot be read filters nothing and is told beside its field."""
        self.is_valid()
        kept = self.cleaned_data
        return MessageFilter(
            state=kept.get("etat") or "",
            channel=kept.get("voie") or "",
            number=kept.get("numero"),
        )


def fill_suggestion(suggested: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form of a new campaign shows of what is known already."""
    shown = {**suggested, **suggested.get("sender", {})}
    for name in ("starts_on", "ends_on", "told_on"):
        if name in shown:
            shown[name] = date.fromisoformat(shown[name])
    return {name: value for name, value in shown.items() if name in CampaignForm.base_fields}
