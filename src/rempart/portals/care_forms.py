"""What a professional fills in for a quote or a claim: one person, and acts line by line.

Refuses to know amounts: prices are typed in euros and leave as whole cents; what is due is said by
the gateway. Works without a script: lines are added by a button that sends the form.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from rempart.claims.claim import MOST_CENTS, MOST_UNITS
from rempart.kernel.findings import BadValue
from rempart.portals.care_wording import BASKETS, CORRECTIONS, EXONERATIONS
from rempart.portals.forms import (
    CardCheckForm,
    CheckedField,
    DayField,
    TypedCheckForm,
    parse_birth_date,
)
from rempart.portals.gateway_client import FieldError
from rempart.tariffs.care import ACTS, BASES, ActKind

FIRST_LINES: Final = 3
MORE_LINES: Final = 3
MOST_LINES: Final = 20
_EUROS: Final = re.compile(r"(\d{1,7})(?:[.,](\d{1,2}))?")
_SPACES: Final = str.maketrans("", "", " \u00a0\u202f€")
# Name of a field in the API: name of the form's.
_LINE_FIELDS: Final = {
    "billed_cents": "billed",
    "base_cents": "base",
    "amo_cents": "amo",
    "asked_amc_cents": "asked",
}
_UNKNOWN_ACT: Final = _(
    "Aucun acte n’a ce code. Tapez un mot de son nom et choisissez dans la liste : PH7, G, VER…"
)
_NO_BASE: Final = _(
    "Cet acte n’a pas de tarif national : donnez la base de l’Assurance maladie, en euros."
)
_OFF: Final = {"autocomplete": "off", "spellcheck": "false"}
_BORN: Final = {
    "label": _("Date de naissance"),
    "help_text": _("JJ/MM/AAAA, comme elle est imprimée sur la carte."),
}


class EurosField(forms.CharField):
    """An amount typed in euros, kept as whole cents; empty is None where it may be."""

    def __init__(self, **options: Any) -> None:
        attributes = {**_OFF, "inputmode": "decimal"}
        super().__init__(max_length=16, widget=forms.TextInput(attrs=attributes), **options)

    def clean(self, value: Any) -> Any:
        """Return the cents, or refuse with what may be typed."""
        text = super().clean(value).translate(_SPACES)
        if not text:
            return None
        found = _EUROS.fullmatch(text)
        cents = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None
        if cents is None or cents > MOST_CENTS:
            raise forms.ValidationError(
                _("Écrivez des euros, avec deux décimales au plus : 24,50."), code="euros"
            )
        return cents


def format_typed(cents: int | None) -> str:
    """Write cents as they would be typed."""
    return "" if cents is None else f"{cents // 100},{cents % 100:02d}"


def keep_typed(data: QueryDict) -> dict[str, Any]:
    """Return what was typed, for a form shown again with more lines and nothing checked."""
    return {**data.dict(), "in_pathway": "in_pathway" in data}


class CareLineForm(forms.Form):
    """One act. A line left empty is not sent."""

    act = forms.CharField(
        label=_("Acte"),
        max_length=80,
        widget=forms.TextInput(
            attrs={**_OFF, "list": "actes", "autocapitalize": "characters", "size": 8}
        ),
    )
    quantity = forms.IntegerField(
        label=_("Quantité"),
        min_value=1,
        max_value=MOST_UNITS,
        initial=1,
        widget=forms.TextInput(attrs={**_OFF, "inputmode": "numeric"}),
    )
    billed = EurosField(label=_("Prix total (€)"))
    base = EurosField(label=_("Base (€)"), required=False)
    basket = forms.ChoiceField(label=_("Panier 100 % Santé"), choices=BASKETS, required=False)
    correction = forms.ChoiceField(label=_("Correction"), choices=CORRECTIONS, required=False)
    exoneration = forms.ChoiceField(label=_("Exonération"), choices=EXONERATIONS, required=False)
    equipment = forms.CharField(
        label=_("Équipement"), max_length=16, required=False, widget=forms.TextInput(attrs=_OFF)
    )
    amo = EurosField(label=_("Part obligatoire (€)"), required=False)
    early_renewal = forms.BooleanField(label=_("Renouvellement anticipé"), required=False)

    use_required_attribute = False
    MORE: ClassVar[tuple[str, ...]] = (
        *("basket", "correction", "exoneration", "equipment", "amo", "early_renewal"),
    )

    def clean_act(self) -> str:
        """Return the code alone, in capitals: a list proposes it with its words.

        Raises:
            ValidationError: no act has this code.
        """
        text: str = self.cleaned_data["act"]
        try:
            return ActKind.parse(text.split()[0].upper()).code
        except BadValue:
            raise forms.ValidationError(_UNKNOWN_ACT, code="act_unknown") from None

    def clean(self) -> dict[str, Any]:
        """Ask for the base where nobody knows it: the claim would come back rejected."""
        kept = self.cleaned_data
        act = ACTS.get(kept.get("act", ""))
        is_unknown = act is not None and act.rate != "none" and act.code not in BASES
        if is_unknown and kept.get("base") is None and "base" not in self.errors:
            self.add_error("base", forms.ValidationError(_NO_BASE, code="base_missing"))
        return kept

    def is_more_open(self) -> bool:
        """Say whether what few acts need is filled in, or wrong."""
        return any(self[name].errors or self[name].value() for name in self.MORE)

    def more_fields(self) -> list[forms.BoundField]:
        """Return what few acts need."""
        return [self[name] for name in (*self.MORE, *self._own_fields())]

    def to_line(self, number: int) -> dict[str, object]:
        """Return the line as the API takes it; the form is valid and not empty."""
        kept = self.cleaned_data
        line: dict[str, object] = {
            "number": number,
            "act": kept["act"],
            "quantity": kept["quantity"],
            "billed_cents": kept["billed"],
            "base_cents": kept["base"],
            "amo_cents": kept["amo"],
            "early_renewal": kept["early_renewal"],
        }
        for name in ("basket", "correction", "exoneration", "equipment"):
            line[name] = kept[name] or None
        return line

    def add_refusal(self, path: str, message: str) -> None:
        """Put what was refused next to its field."""
        name = _LINE_FIELDS.get(path, path)
        self.add_error(name if name in self.fields else None, message)

    def _own_fields(self) -> tuple[str, ...]:
        return ()


class ClaimLineForm(CareLineForm):
    """One act billed: what was agreed with compulsory insurance, and another day of care."""

    asked = EurosField(label=_("Part complémentaire attendue (€)"), required=False)
    care_on = DayField(
        label=_("Autre jour de soins"),
        required=False,
    )

    def is_more_open(self) -> bool:
        """Say whether what few acts need is filled in, or wrong."""
        own = any(self[name].errors or self[name].value() for name in self._own_fields())
        return own or super().is_more_open()

    def to_line(self, number: int) -> dict[str, object]:
        """Return the line as the API takes it, its own day of care apart."""
        return {**super().to_line(number), "asked_amc_cents": self.cleaned_data["asked"]}

    def _own_fields(self) -> tuple[str, ...]:
        return ("care_on", "asked")


class Lines:
    """The lines of a form: as many as were sent, or as many as a fresh form proposes.

    Args:
        shape: The form of one line.
        data: What was sent; None for a fresh form.
        initial: What a fresh form holds already.
    """

    def __init__(
        self,
        shape: type[CareLineForm],
        data: QueryDict | None = None,
        initial: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        given = data.get("lines", "") if data is not None else ""
        count = int(given) if given.isdecimal() and len(given) < 3 else FIRST_LINES
        if data is None:
            count = max(FIRST_LINES, len(initial))
        if data is not None and "more" in data:
            count += MORE_LINES
        self.count = max(1, min(count, MOST_LINES))
        self.forms = [
            shape(
                data if data is not None and f"l{place}-act" in data else None,
                prefix=f"l{place}",
                initial=dict(initial[place]) if place < len(initial) else None,
                empty_permitted=True,
            )
            for place in range(self.count)
        ]

    @property
    def filled(self) -> list[CareLineForm]:
        """The lines that hold something, in order."""
        return [one for one in self.forms if one.is_bound and one.has_changed()]

    @property
    def can_grow(self) -> bool:
        """Whether lines may be added."""
        return self.count < MOST_LINES

    def is_valid(self) -> bool:
        """Say whether every line that holds something may be sent."""
        checked = [one.is_valid() for one in self.filled]
        return all(checked)

    def to_lines(self) -> list[dict[str, object]]:
        """Return the lines as the API takes them, numbered in order."""
        return [one.to_line(number) for number, one in enumerate(self.filled, 1)]

    def add_refusal(self, place: int, path: str, message: str) -> bool:
        """Put what was refused next to a line of those sent, from 0; False when it is none."""
        filled = self.filled
        if not 0 <= place < len(filled):
            return False
        filled[place].add_refusal(path, message)
        return True


class CareForm(forms.Form):
    """What quotes and claims say besides the person and the acts."""

    in_pathway = forms.BooleanField(
        label=_("Parcours de soins coordonnés respecté"), initial=True, required=False
    )

    def add_all(self, lines: Lines, errors: Iterable[FieldError], detail: str) -> None:
        """Put what the gateway refused next to the fields it is about, or above the form."""
        told = False
        for error in errors:
            told = True
            head, _dot, path = error.field.partition(".")
            place, _dot, field = path.partition(".")
            is_line = head == "lines" and place.isdecimal()
            if is_line and lines.add_refusal(int(place), field, error.message):
                continue
            name = path if head in ("identifiers", "beneficiary") else error.field
            self.add_error(name if name in self.fields else None, error.message)
        if not told:
            self.add_error(None, detail)


class QuoteCareForm(CareForm):
    """What a quote says: the promise it would replace."""

    replaces = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def to_quote(self, lines: Lines, *, promises: bool) -> dict[str, object]:
        """Return the body of /v1/quotes, or of /v1/pecs."""
        body: dict[str, object] = {
            **self.to_person(),
            "care_date": self.cleaned_data["care_date"].isoformat(),
            "in_pathway": self.cleaned_data["in_pathway"],
            "lines": lines.to_lines(),
        }
        return {**body, "replaces": self.cleaned_data["replaces"]} if promises else body

    def to_person(self) -> dict[str, object]:
        """Return who it is about, as the API takes it."""
        raise NotImplementedError


class CardQuoteForm(QuoteCareForm, CardCheckForm):
    """A quote by the card: amounts depend on age, so its birth date is typed."""

    domain = None  # type: ignore[assignment]
    purpose = None  # type: ignore[assignment]
    birth_date = CheckedField(
        **_BORN, parse=lambda text: parse_birth_date(text).text, numeric=True, max_length=12
    )

    def to_person(self) -> dict[str, object]:
        """Return the card and the birth date."""
        born = self.cleaned_data["birth_date"]
        return {"identifiers": dict(self.to_identifiers()), "birth_date": born}


class TypedQuoteForm(QuoteCareForm, TypedCheckForm):
    """A quote by typed identifiers."""

    domain = None  # type: ignore[assignment]
    purpose = None  # type: ignore[assignment]

    def to_person(self) -> dict[str, object]:
        """Return the identifiers."""
        return {"identifiers": dict(self.to_identifiers())}


class ClaimCareForm(CareForm):
    """What a claim says: the biller's number, the promise quoted, the claim it replaces."""

    invoice = forms.CharField(
        label=_("Numéro de facture"),
        help_text=_("Le vôtre, jusqu’à 64 caractères."),
        max_length=64,
        widget=forms.TextInput(attrs=_OFF),
    )
    engagement = forms.CharField(
        label=_("Numéro d’engagement ou de prise en charge"),
        help_text=_("RP et quatre groupes ; sans lui, les droits du jour des soins décident."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={**_OFF, "autocapitalize": "characters"}),
    )
    replaces = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)

    def to_claim(self, lines: Lines) -> dict[str, object]:
        """Return the body of /v1/claims."""
        usual: date = self.cleaned_data["care_date"]
        days = [one.cleaned_data.get("care_on") or usual for one in lines.filled]
        return {
            "invoice": self.cleaned_data["invoice"],
            "beneficiary": self.to_beneficiary(),
            "in_pathway": self.cleaned_data["in_pathway"],
            "engagement": self.cleaned_data["engagement"],
            "replaces": self.cleaned_data["replaces"],
            "lines": [
                {**line, "care_date": day.isoformat()}
                for line, day in zip(lines.to_lines(), days, strict=True)
            ],
        }

    def to_beneficiary(self) -> dict[str, object]:
        """Return whose care it was, as the API takes it."""
        raise NotImplementedError


class CardClaimForm(ClaimCareForm, CardCheckForm):
    """A claim by the card."""

    domain = None  # type: ignore[assignment]
    purpose = None  # type: ignore[assignment]
    birth_date = CheckedField(
        **_BORN, parse=lambda text: parse_birth_date(text).text, numeric=True, max_length=12
    )

    def to_beneficiary(self) -> dict[str, object]:
        """Return the card and the birth date."""
        return {**self.to_identifiers(), "birth_date": self.cleaned_data["birth_date"]}


class TypedClaimForm(ClaimCareForm, TypedCheckForm):
    """A claim by typed identifiers."""

    domain = None  # type: ignore[assignment]
    purpose = None  # type: ignore[assignment]

    def to_beneficiary(self) -> dict[str, object]:
        """Return the identifiers."""
        return dict(self.to_identifiers())
