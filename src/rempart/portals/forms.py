"""What a professional fills in for one rights check.

Refuses to search: each form names exactly one person. Values are checked by the types of the
kernel, so the portal and the gateway agree on what can be true.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, ClassVar, Final, TypeAlias

from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.findings import BadValue, Language
from rempart.kernel.nir import Nir
from rempart.portals import wording
from rempart.portals.gateway_client import FieldError
from rempart.rights.lookup import CardCode, TypedIdentifiers

# Path of a field in the API's request: name of the form's field.
_FIELD_OF_PATH: Final = {
    "identifiers.card_code": "card_code",
    "identifiers.amc_number": "amc_number",
    "identifiers.insured_nir": "insured_nir",
    "identifiers.birth_date": "birth_date",
    "identifiers.birth_rank": "birth_rank",
    "domain": "domain",
    "care_date": "care_date",
    "purpose": "purpose",
}

YEARS: Final = range(1850, 2200)


class DayField(forms.DateField):
    """A civil date, typed the French way: 22/11/2026, with or without slashes.

    Refuses centuries that no form is about: a finger slipped on the year.
    """

    def __init__(self, **options: Any) -> None:
        # A text, not the browser's own control: that one writes dates in the browser's language.
        attributes = {"inputmode": "numeric", "autocomplete": "off", "size": 10}
        super().__init__(
            input_formats=["%d/%m/%Y", "%d%m%Y", "%Y-%m-%d"],
            widget=forms.DateInput(attrs=attributes, format="%d/%m/%Y"),
            error_messages={"invalid": _("Écrivez une date qui existe, par exemple 22/11/2026.")},
            **options,
        )

    def to_python(self, value: Any) -> date | None:
        """Return the date.

        Raises:
            ValidationError: there is none, or none of our centuries.
        """
        day = super().to_python(value)
        if day is not None and day.year not in YEARS:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class LineField(forms.CharField):
    """A line of text, as it is printed: whatever spaces were typed or pasted are plain ones."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs={"autocomplete": "off"}), **options)

    def to_python(self, value: Any) -> str:
        """Return the line.

        Raises:
            ValidationError: it holds what does not print.
        """
        line = " ".join(str(super().to_python(value) or "").split())
        if not line.isprintable():
            raise forms.ValidationError(_("Une ligne de texte, sans caractère caché."))
        return line


class CheckedField(forms.CharField):
    """A text that a parser of the kernel turns into what the API carries.

    Args:
        parse: Reads the text; raises BadValue, whose words become the field's error.
    """

    def __init__(self, *, parse: Callable[[str], str], numeric: bool, **options: Any) -> None:
        # No password manager, speller or history may keep an identifier that was typed here.
        attributes = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
        if numeric:
            attributes["inputmode"] = "numeric"
        super().__init__(widget=forms.TextInput(attrs=attributes), **options)
        self._parse = parse

    def clean(self, value: Any) -> Any:
        """Return the parsed text, or refuse with the rule's own message and advice."""
        text = super().clean(value)
        try:
            return self._parse(text)
        except BadValue as bad:
            language = current_language()
            sentences = (bad.refusal.message(language), bad.refusal.advice(language))
            raise forms.ValidationError(" ".join(sentences), code=bad.refusal.rule) from None


class CheckForm(forms.Form):
    """What both ways of asking share: for which care, when, and why."""

    domain = forms.ChoiceField(
        label=_("Domaine de soins"),
        help_text=_("Colonne de la carte"),
        choices=lambda: wording.list_domain_choices(current_language()),
    )
    care_date = DayField(label=_("Date des soins"), help_text=_("JJ/MM/AAAA"))
    purpose = forms.ChoiceField(
        label=_("Motif"), help_text=_("Inscrit au registre"), choices=wording.PURPOSES
    )

    use_required_attribute = False
    mode: ClassVar[str]
    identifiers: ClassVar[tuple[str, ...]]

    def to_request(self) -> dict[str, object]:
        """Return the body of the API's request; the form is valid."""
        return {
            "identifiers": self.to_identifiers(),
            "domain": self.cleaned_data["domain"],
            "care_date": self.cleaned_data["care_date"].isoformat(),
            "purpose": self.cleaned_data["purpose"],
        }

    def to_identifiers(self) -> Mapping[str, object]:
        """Return who is asked about, in the API's words."""
        return {"mode": self.mode, **{name: self.cleaned_data[name] for name in self.identifiers}}

    def add_refusals(self, errors: list[FieldError], detail: str) -> None:
        """Put what the gateway refused next to the fields it is about, or above the form."""
        for error in errors:
            name = _FIELD_OF_PATH.get(error.field)
            self.add_error(name if name in self.fields else None, error.message)
        if not errors:
            self.add_error(None, detail)


class CardCheckForm(CheckForm):
    """By the code of the card the member shows: a scanner types it and sends Enter."""

    card_code = CheckedField(
        label=_("Code de la carte"),
        help_text=_("20 caractères sous le code à scanner. Tirets et minuscules sont acceptés."),
        parse=lambda text: CardCode.parse(text).format(),
        numeric=False,
        max_length=40,
    )

    mode = "card"
    identifiers = ("card_code",)
    field_order = (*identifiers, "domain", "care_date", "purpose")

    def describe_person(self) -> str:
        """Return the end of the card's code."""
        return gettext("carte finissant par %(end)s") % {"end": self.cleaned_data["card_code"][-4:]}


class PersonForm(forms.Form):
    """What the Vitale certificate says of one person."""

    insured_nir = CheckedField(
        label=_("NIR de l’assuré, avec sa clé"),
        help_text=_("15 caractères. Pour un enfant, le numéro du parent dont il dépend."),
        parse=lambda text: Nir.parse(text).format_compact(),
        numeric=False,
        max_length=28,
    )
    birth_date = CheckedField(
        label=_("Date de naissance"),
        help_text=_("JJ/MM/AAAA, comme elle est imprimée."),
        parse=lambda text: parse_birth_date(text).text,
        numeric=True,
        max_length=12,
    )
    birth_rank = forms.TypedChoiceField(
        label=_("Rang de naissance"),
        help_text=_("1, sauf pour des jumeaux."),
        choices=[(rank, str(rank)) for rank in range(1, 10)],
        coerce=lambda text: BirthRank.parse(text).number,
        initial=1,
    )

    def read_person(self, amc_number: str) -> TypedIdentifiers:
        """Return whom it is about, at one insurer; the form is valid."""
        answers = self.cleaned_data
        return TypedIdentifiers(
            amc_number=AmcNumber.parse(amc_number),
            insured_nir=Nir.parse(answers["insured_nir"]),
            birth_date=BirthDate.parse(answers["birth_date"]),
            birth_rank=BirthRank(answers["birth_rank"]),
        )


class TypedCheckForm(PersonForm, CheckForm):
    """By what is printed on the card and the Vitale certificate, when no code can be read."""

    amc_number = CheckedField(
        label=_("Numéro AMC"),
        help_text=_("8 à 10 chiffres, dans le bloc normalisé de la carte."),
        parse=lambda text: AmcNumber.parse(text).format(),
        numeric=True,
        max_length=16,
    )

    mode = "typed"
    identifiers = ("amc_number", "insured_nir", "birth_date", "birth_rank")
    field_order = (*identifiers, "domain", "care_date", "purpose")

    def describe_person(self) -> str:
        """Return the birth year and the key of the NIR: no more goes on paper."""
        return gettext("AMC %(amc)s, naissance en %(year)s, clé du NIR %(key)s") % {
            "amc": self.cleaned_data["amc_number"],
            "year": self.cleaned_data["birth_date"][:4],
            "key": self.cleaned_data["insured_nir"][-2:],
        }


AnyCheckForm: TypeAlias = CardCheckForm | TypedCheckForm
FORMS: Final[Mapping[str, type[AnyCheckForm]]] = {"card": CardCheckForm, "typed": TypedCheckForm}


def current_language() -> Language:
    """Return the language of the page being written."""
    return "en" if (get_language() or "fr").startswith("en") else "fr"


def make_initial(*, domain: str, purpose: str, today: date) -> dict[str, Any]:
    """Return what a fresh form proposes, so that a scanned code needs nothing else."""
    return {"domain": domain, "purpose": purpose, "care_date": today}


def parse_birth_date(text: str) -> BirthDate:
    """Read a birth date in the order the form asks for, slashes or not.

    Eight bare digits are JJMMAAAA whenever their end is a year: 19121960 is 19/12/1960, although
    it would also be a lunar day of 1912.
    """
    digits = text.strip()
    if len(digits) == 8 and digits.isdecimal() and int(digits[4:]) in YEARS:
        return BirthDate.parse(f"{digits[:2]}/{digits[2:4]}/{digits[4:]}")
    return BirthDate.parse(digits)
