"""One case to try a benefit table on: an act, its price, who it is for."""

import re
from datetime import date
from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.claims.claim import (
    MOST_CENTS,
    Basket,
    Beneficiary,
    Biller,
    Claim,
    ClaimLine,
    Correction,
)
from rempart.exchange.billed_claim import CARE_DAY, LAST_DAY
from rempart.exchange.regression_file import RegressionCase, check_line
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import BadValue
from rempart.portals.care_wording import BASKETS, CORRECTIONS
from rempart.portals.forms import DayField, current_language
from rempart.tariffs.care import ActKind

_AMOUNT: Final = re.compile(r"(\d{1,7})(?:[.,](\d{1,2}))?\s*€?", re.ASCII)
_TEXT: Final = {"autocomplete": "off", "spellcheck": "false"}


class CentsField(forms.CharField):
    """An amount in euros, kept as cents."""

    def clean(self, value: object) -> int | None:
        """Return the cents; None for nothing."""
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        found = _AMOUNT.fullmatch(text)
        cents = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else -1
        if not 0 <= cents <= MOST_CENTS:
            raise forms.ValidationError(_("Écrivez un montant en euros, par exemple 24,50."))
        return cents


class CaseForm(forms.Form):
    """What a case says."""

    table = forms.CharField(
        label=_("Code du tableau"), max_length=40, widget=forms.TextInput(attrs=_TEXT)
    )
    act = forms.CharField(
        label=_("Code de l’acte"),
        help_text=_("par exemple G, PH7, MON, OST"),
        max_length=16,
        widget=forms.TextInput(attrs=_TEXT),
    )
    day = DayField(
        label=_("Date des soins"),
    )
    billed = CentsField(label=_("Prix"), widget=forms.TextInput(attrs=_TEXT))
    base = CentsField(
        label=_("Base de remboursement"),
        help_text=_("vide : celle du barème"),
        required=False,
        widget=forms.TextInput(attrs=_TEXT),
    )
    basket = forms.ChoiceField(label=_("Offre"), required=False, choices=BASKETS)
    correction = forms.ChoiceField(label=_("Correction"), required=False, choices=CORRECTIONS)
    born = DayField(
        label=_("Date de naissance"),
    )
    joined = DayField(
        label=_("Adhérent depuis"),
    )
    use_required_attribute = False

    def clean_act(self) -> ActKind:
        """Return the act a code names."""
        try:
            return ActKind.parse(self.cleaned_data["act"].strip().upper())
        except BadValue as bad:
            raise forms.ValidationError(bad.refusal.message(current_language())) from None

    def clean_born(self) -> BirthDate:
        """Return the birth date."""
        born: date = self.cleaned_data["born"]
        try:
            return BirthDate.parse(born.isoformat())
        except BadValue as bad:
            raise forms.ValidationError(bad.refusal.message(current_language())) from None

    def clean(self) -> None:
        """Refuse what cannot be shared out, beside its field."""
        super().clean()
        if self.errors:
            return
        try:
            check_line(self._make_line())
        except BadValue as bad:
            self.add_error(
                "day" if bad.refusal is CARE_DAY else "base",
                bad.refusal.message(current_language()),
            )

    def make_case(self) -> RegressionCase:
        """Return the case; the form is valid."""
        kept = self.cleaned_data
        return RegressionCase(
            name=str(kept["act"].label(current_language())),
            table=kept["table"],
            joined_on=min(kept["joined"], LAST_DAY),
            claim=Claim(
                beneficiary=Beneficiary(born=kept["born"]),
                biller=Biller(),
                lines=(self._make_line(),),
            ),
            expected_cents={},
        )

    def _make_line(self) -> ClaimLine:
        kept = self.cleaned_data
        return ClaimLine(
            number=1,
            act=kept["act"],
            care_date=kept["day"],
            billed_cents=kept["billed"],
            base_cents=kept["base"],
            basket=Basket(kept["basket"]) if kept["basket"] else None,
            correction=Correction(kept["correction"]) if kept["correction"] else None,
        )
