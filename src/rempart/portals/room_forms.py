"""What is filled in about an incident: its declaration, and what is written in its room.

Refuses an instant that does not exist, and asks for as little as a night allows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from rempart.incidents.evidence import Window
from rempart.incidents.room import REASON_LIMIT, TITLE_LIMIT, WORDS_LIMIT, HoldKind
from rempart.kernel.instants import PARIS, to_ms
from rempart.portals.forms import YEARS
from rempart.portals.room_wording import HOLD_NAMES, PART_NAMES
from rempart.workflows.incidents.incident_room import OWNER_LIMIT

_FORMATS: Final = ("%d/%m/%Y %H:%M", "%d/%m/%Y %Hh%M", "%d/%m/%Y", "%Y-%m-%d %H:%M")
_HINT: Final = _("JJ/MM/AAAA HH:MM, heure de Paris")
_SHOWN: Final = "%d/%m/%Y %H:%M"
# No computer was attacked before, and tables count from its first day.
MOMENT_YEARS: Final = range(1971, YEARS.stop)
NO_MOMENT: Final = _("Écrivez un moment qui existe, par exemple 22/11/2026 03:15.")
# How far an attack that may still go on is looked at.
_STILL_ON: Final = timedelta(days=1)


class MomentField(forms.CharField):
    """An instant as people write it, in Paris time."""

    def __init__(self, **options: Any) -> None:
        attributes = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attributes), **options)

    def clean(self, value: Any) -> Any:
        """Return the instant, in UTC; None when nothing is written and nothing must be."""
        text = " ".join(str(super().clean(value) or "").split())
        if not text:
            return None
        for one in _FORMATS:
            try:
                typed = datetime.strptime(text, one)  # noqa: DTZ007 - its zone is said below
            except ValueError:
                continue
            moment = typed.replace(tzinfo=PARIS)
            instant = moment.astimezone(UTC) if moment.year in MOMENT_YEARS else None
            # The hour that clocks jump over in spring is no hour.
            if instant and instant.astimezone(PARIS).replace(tzinfo=None) == typed:
                return instant
        raise forms.ValidationError(NO_MOMENT)


def show_moment(instant: datetime) -> str:
    """Return an instant as a field shows it."""
    return instant.astimezone(PARIS).strftime(_SHOWN)


def _make_words(
    label: Any, hint: Any = "", *, rows: int = 2, required: bool = True, **options: Any
) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=options.get("limit", WORDS_LIMIT),
        required=required,
        widget=forms.Textarea(attrs={"rows": rows, "autocomplete": "off"}),
    )


class DeclareForm(forms.Form):
    """What is known of an incident when it is declared: little."""

    title = forms.CharField(
        label=_("Que se passe-t-il ?"),
        help_text=_("En quelques mots ; ne nommez personne."),
        max_length=TITLE_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    since = MomentField(label=_("Soupçonné depuis"), help_text=_HINT)
    until = MomentField(
        label=_("Jusqu’à"), help_text=_("Vide : cela dure peut-être encore."), required=False
    )
    accounts = forms.CharField(
        label=_("Comptes ou établissements"),
        help_text=_("RPPS, FINESS, SIRET ou références, séparés par des espaces. Vide : inconnus."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    exercise = forms.ChoiceField(
        label=_("Réel ou exercice ?"),
        help_text=_("Ne se change plus ensuite."),
        choices=[("", _("Réel, ou je ne sais pas")), ("1", _("Exercice"))],
        required=False,
    )
    use_required_attribute = False

    def make_window(self, now: datetime) -> Window:
        """Return when it happened, as far as is known; the form is valid."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return Window(starts_ms=to_ms(since), ends_ms=to_ms(until or now + _STILL_ON))

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        answers = super().clean() or {}
        since, until = answers.get("since"), answers.get("until")
        if since and until and until <= since:
            self.add_error("until", _("La fin vient après le début."))
        return answers


class NoteForm(forms.Form):
    """What somebody saw or did."""

    words = _make_words(_("Note"), _("Ce que vous voyez, ce que vous faites ; ne nommez personne."))
    happened = MomentField(
        label=_("Quand"), help_text=_("Vide : maintenant. JJ/MM/AAAA HH:MM"), required=False
    )
    use_required_attribute = False


class AwarenessForm(forms.Form):
    """From when on it is held that personal data were breached."""

    words = _make_words(_("Ce qui l’établit"))
    happened = MomentField(
        label=_("Depuis quand"), help_text=_("Vide : maintenant. JJ/MM/AAAA HH:MM"), required=False
    )
    use_required_attribute = False


class DecisionForm(forms.Form):
    """A decision, why, and what else was thought of."""

    words = _make_words(_("Décision"))
    reason = _make_words(_("Pourquoi"))
    alternatives = _make_words(_("Ce qui a été écarté"), required=False)
    use_required_attribute = False


class TaskForm(forms.Form):
    """What is to be done, by whom, by when."""

    words = _make_words(_("À faire"), limit=REASON_LIMIT)
    owner = forms.CharField(label=_("Par qui"), max_length=OWNER_LIMIT)
    due = MomentField(label=_("Pour quand"), help_text=_HINT, required=False)
    use_required_attribute = False


class JoinForm(forms.Form):
    """What somebody does in the room."""

    part = forms.ChoiceField(
        label=_("Votre rôle"), choices=[(part.value, name) for part, name in PART_NAMES.items()]
    )
    on_call = forms.BooleanField(label=_("D’astreinte"), required=False)
    use_required_attribute = False


class ReasonForm(forms.Form):
    """Why an incident is closed, opened again, or a hold released."""

    reason = _make_words(_("Pourquoi"), limit=REASON_LIMIT)
    use_required_attribute = False


class HoldForm(forms.Form):
    """What evidence to keep, and why."""

    kind = forms.ChoiceField(
        label=_("Pour qui"),
        choices=[
            (kind.value, name) for kind, name in HOLD_NAMES.items() if kind is not HoldKind.INCIDENT
        ],
    )
    first = MomentField(label=_("Du"), help_text=_HINT)
    last = MomentField(label=_("Au"), help_text=_HINT)
    reason = _make_words(_("Pourquoi"), _("La demande et sa référence ; ne nommez personne."))
    use_required_attribute = False

    def make_window(self) -> tuple[int, int]:
        """Return what is kept; the form is valid."""
        return to_ms(self.cleaned_data["first"]), to_ms(self.cleaned_data["last"])


class ExtendForm(forms.Form):
    """What more a hold keeps."""

    first = MomentField(label=_("Du"), help_text=_HINT)
    last = MomentField(label=_("Au"), help_text=_HINT)
    use_required_attribute = False

    def make_window(self) -> tuple[int, int]:
        """Return what is kept; the form is valid."""
        return to_ms(self.cleaned_data["first"]), to_ms(self.cleaned_data["last"])


def read_moment(answers: Mapping[str, Any], name: str) -> int | None:
    """Return an instant of a valid form in Unix milliseconds, or None."""
    instant = answers.get(name)
    return None if instant is None else to_ms(instant)
