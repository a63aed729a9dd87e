"""Forms whose questions are data, and files taken away from a page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from django import forms
from django.http import HttpResponse

from rempart.incidents.cnil_form import ANSWER_LIMIT
from rempart.incidents.room import name_file

Shape: TypeAlias = Literal["text", "long", "choice", "many"]
_TYPES: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
}


class Question(NamedTuple):
    """One question of a form.

    Args:
        code: Its name in what is saved.
        label: What is asked.
        hint: What helps to answer.
        shape: How it is answered.
        choices: The answers offered, for a choice or several.
    """

    code: str
    label: str
    hint: str = ""
    shape: Shape = "text"
    choices: tuple[str, ...] = ()


class AnswersForm(forms.Form):
    """Questions that data describe: a text, a long one, a choice or several.

    Args:
        asked: The questions, in order.
    """

    use_required_attribute = False

    def __init__(self, *values: Any, asked: Sequence["Question"], **options: Any) -> None:
        super().__init__(*values, **options)
        for one in asked:
            self.fields[one.code] = _make_field(one)

    def read_answers(self) -> dict[str, str]:
        """Return what was answered; the form is valid."""
        return {
            code: ", ".join(value) if isinstance(value, list) else str(value)
            for code, value in self.cleaned_data.items()
        }


def send_file(content: bytes, stem: str, suffix: str, *, exercise: bool) -> HttpResponse:
    """Return a download; the name of an exercise says so."""
    response = HttpResponse(content, content_type=_TYPES[suffix])
    name = name_file(stem, suffix, exercise=exercise)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _make_field(asked: Question) -> forms.Field:
    options: dict[str, Any] = {"label": asked.label, "help_text": asked.hint, "required": False}
    named = [(one, one) for one in asked.choices]
    match asked.shape:
        case "choice":
            return forms.ChoiceField(choices=[("", "–"), *named], **options)
        case "many":
            widget = forms.CheckboxSelectMultiple()
            return forms.MultipleChoiceField(choices=named, widget=widget, **options)
        case "long":
            area = forms.Textarea(attrs={"rows": 3, "autocomplete": "off"})
            return forms.CharField(max_length=ANSWER_LIMIT, widget=area, **options)
        case _:
            return forms.CharField(max_length=500, **options)
