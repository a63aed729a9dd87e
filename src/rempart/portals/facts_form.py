"""What an insurer says of an incident to everybody it tells: dates, who writes, what was done.

Refuses facts that cannot be true together, in the words of notices/facts.py beside the form.
"""

from datetime import date
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.notices.facts import LINE_CHARS, IncidentFacts, Measure, Planned, Sender
from rempart.notices.texts import MEASURE_TEXTS, PLANNED_TEXTS
from rempart.portals.forms import DayField, LineField, current_language


def _line(label: Any, hint: Any = "", *, required: bool = True) -> LineField:
    return LineField(label=label, help_text=hint, required=required, max_length=LINE_CHARS)


class FactsForm(forms.Form):
    """What is true of an incident for everybody of one insurer."""

    case_reference = _line(_("Référence du dossier"), _("Celle de la plainte et des courriers."))
    operator = _line(_("Opérateur"), _("Chez qui les données ont été lues."))
    starts_on = DayField(label=_("Premier jour du vol"), help_text=_("JJ/MM/AAAA"))
    ends_on = DayField(label=_("Dernier jour du vol"))
    discovered_on = DayField(label=_("Découvert le"))
    told_on = DayField(label=_("Vous l’avez appris le"))
    next_update_on = DayField(
        label=_("Prochaine information le"),
        help_text=_("Vide : aucune n’est prévue."),
        required=False,
    )
    measures = forms.MultipleChoiceField(
        label=_("Mesures prises"), widget=forms.CheckboxSelectMultiple
    )
    planned = forms.MultipleChoiceField(
        label=_("Mesures prévues"), widget=forms.CheckboxSelectMultiple, required=False
    )
    is_space_open = forms.BooleanField(
        label=_("L’espace adhérent est ouvert"), required=False, initial=True
    )
    prosecutor = _line(
        _("Enquête"), _("Qui la suit, et son numéro. Vide : inconnu."), required=False
    )
    name = _line(_("Nom de votre organisme"))
    phone = _line(_("Téléphone"))
    hours_fr = _line(_("Horaires, en français"))
    hours_en = _line(_("Horaires, en anglais"))
    dpo_email = _line(_("Adresse du délégué à la protection des données"))
    post_address = _line(_("Adresse postale"))
    site = _line(_("Site"), _("Tel qu’on le tape : sans https:// et sans www."))
    use_required_attribute = False

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        language = current_language()
        for name, texts, kinds in (
            ("measures", MEASURE_TEXTS, Measure),
            ("planned", PLANNED_TEXTS, Planned),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
            field.choices = [(one.value, texts[one][language]) for one in kinds]

    def read_facts(self, *, version: int, written_on: date) -> IncidentFacts | None:
        """Return the facts; None when they cannot be true together: the form then says why.

        Args:
            version: Of what is written from them.
            written_on: Its day.
        """
        if not self.is_valid():
            return None
        given = self.cleaned_data
        try:
            return IncidentFacts(
                case_reference=given["case_reference"],
                version=version,
                sender=Sender(
                    name=given["name"],
                    phone=given["phone"],
                    hours_fr=given["hours_fr"],
                    hours_en=given["hours_en"],
                    dpo_email=given["dpo_email"],
                    post_address=given["post_address"],
                    site=given["site"],
                ),
                operator=given["operator"],
                starts_on=given["starts_on"],
                ends_on=given["ends_on"],
                discovered_on=given["discovered_on"],
                told_on=given["told_on"],
                written_on=written_on,
                next_update_on=given["next_update_on"],
                measures=tuple(Measure(one) for one in given["measures"]),
                planned=tuple(Planned(one) for one in given["planned"]),
                is_space_open=given["is_space_open"],
                prosecutor=given["prosecutor"],
            )
        except ValueError as wrong:
            self.add_error(_find_field(str(wrong)), _explain(str(wrong)))
            return None


def fill_facts(facts: IncidentFacts) -> dict[str, Any]:
    """Return what the form shows of facts."""
    sender = facts.sender
    return {
        **{
            name: getattr(facts, name)
            for name in FactsForm.base_fields
            if name not in {"measures", "planned"} and hasattr(facts, name)
        },
        "measures": [one.value for one in facts.measures],
        "planned": [one.value for one in facts.planned],
        "name": sender.name,
        "phone": sender.phone,
        "hours_fr": sender.hours_fr,
        "hours_en": sender.hours_en,
        "dpo_email": sender.dpo_email,
        "post_address": sender.post_address,
        "site": sender.site,
    }


_SENTENCES: Final = {
    "starts_on": _("Dans l’ordre : le vol commence, finit, puis on l’écrit. Rien n’est à venir."),
    "discovered_on": _("Dans l’ordre : le vol commence, est découvert, vous est dit, puis écrit."),
    "next_update_on": _("Après aujourd’hui, ou rien."),
    "dpo_email": _("Une adresse électronique."),
    "site": _("Une adresse à taper : sans https://, sans www et sans barre."),
}


def _find_field(message: str) -> str | None:
    """Return the field that a refusal of the facts is about."""
    if message.startswith("the theft"):
        return "starts_on"
    if message.startswith("a theft"):
        return "discovered_on"
    name = message.partition(":")[0]
    return name if name in FactsForm.base_fields else None


def _explain(message: str) -> Any:
    name = _find_field(message)
    return _SENTENCES.get(name or "", _("Une ligne de texte, sans caractère caché."))
