"""Who is meant, by exact identifiers: the code of a card, or what a certificate shows.

Refuses a part of a number, and a name.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.portals.forms import CheckedField, PersonForm
from rempart.rights.lookup import Identifiers, parse_card_code
from rempart.workflows.ledger.inquiries import InsurerChoice


class CardPersonForm(forms.Form):
    """The code of a card that the person reads out."""

    prefix = "carte"
    card_code = CheckedField(
        label=_("Code de la carte"),
        help_text=_("Sous le code à scanner. Tirets et minuscules sont acceptés."),
        parse=lambda text: parse_card_code(text).format(),
        numeric=False,
        max_length=60,
    )
    use_required_attribute = False

    def read_identifiers(self, _amc_number: str) -> Identifiers:
        """Return whom it is about; the form is valid."""
        return parse_card_code(self.cleaned_data["card_code"])


class TypedPersonForm(PersonForm):
    """The identifiers that the certificate shows."""

    prefix: str | None = "saisie"
    use_required_attribute = False

    def read_identifiers(self, amc_number: str) -> Identifiers:
        """Return whom it is about; the form is valid."""
        return self.read_person(amc_number)


class HostPersonForm(TypedPersonForm):
    """The same for the host operator, which says whose member it is.

    Args:
        insurers: The insurers to choose among.
    """

    insurer = forms.TypedChoiceField(
        label=_("Complémentaire"),
        coerce=int,
        error_messages={"required": _("Choisissez la complémentaire.")},
    )
    field_order: Sequence[str] | None = ("insurer",)

    def __init__(self, *values: Any, insurers: Sequence[InsurerChoice], **options: Any) -> None:
        super().__init__(*values, **options)
        self.insurers = {one.insurer_id: one for one in insurers}
        field = self.fields["insurer"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 - declared above
        # None to begin with: a wrong one finds nobody, on record.
        field.choices = [("", "—"), *((one.insurer_id, one.name) for one in insurers)]

    def read_identifiers(self, _amc_number: str = "") -> Identifiers:
        """Return whom it is about; the form is valid."""
        return super().read_identifiers(self.insurers[self.cleaned_data["insurer"]].amc_number)
