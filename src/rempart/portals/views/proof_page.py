"""« Vérifier une preuve »: anybody pastes a proof, and is told what it proves and what not.

Reads no database: the text and the keys are enough, and the page says how to do without it. Keeps
nothing of what is pasted.
"""

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from rempart.disclosure.consistency_file import HEADER as HISTORY_HEADER
from rempart.disclosure.evidence import Trust, judge_entry, judge_history
from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.disclosure.proof_file import MAX_TEXT, EvidenceRefused
from rempart.exchange.proof_code import read_proof_bytes, read_proof_code
from rempart.exchange.proof_words import (
    DISAGREEMENTS,
    describe_history,
    describe_proved,
    list_not_proved,
)
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import public

KEY_LIMIT: Final = 500


class ProofForm(forms.Form):
    """A proof, as text or as a file, and a key to judge it by."""

    proof = forms.CharField(
        label=_("Texte de la preuve"),
        help_text=_(
            "Tel qu’il est dans le fichier, ou tel que votre téléphone le lit dans le code."
        ),
        required=False,
        strip=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
    )
    file = forms.FileField(label=_("Ou le fichier « .tlog-proof »"), required=False)
    vkey = forms.CharField(
        label=_("Clé du registre"),
        help_text=_(
            "Facultatif. Sans elle, la page juge avec les clés de cette installation : une copie "
            "reçue d’ailleurs vaut mieux."
        ),
        required=False,
        max_length=KEY_LIMIT,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )
    use_required_attribute = False

    def clean_vkey(self) -> NoteVerifier | None:
        """Return the key, or refuse what is not one."""
        text = self.cleaned_data["vkey"].strip()
        if not text:
            return None
        try:
            return NoteVerifier.parse(text)
        except NoteRefused:
            raise forms.ValidationError(
                _("Ce n’est pas une clé de registre : nom, identifiant, clé, joints par des « + ».")
            ) from None

    def read_text(self) -> str:
        """Return the text to judge; the form is valid.

        Raises:
            EvidenceRefused: what was sent is no text.
        """
        file = self.cleaned_data["file"]
        if file is None:
            return tidy_pasted(self.cleaned_data["proof"])
        return read_proof_bytes(file.read())


@public
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("proof", "file")
def check_proof(request: HttpRequest) -> HttpResponse:
    """Show the form, or what a proof proves."""
    desk = get_desk()
    form = ProofForm(request.POST, request.FILES) if request.method == "POST" else ProofForm()
    context: dict[str, object] = {"form": form, "keys": [key.vkey for key in desk.log_keys]}
    status = 200
    if request.method == "POST":
        if form.is_valid():
            verdict = _judge(form)
            context["verdict"] = verdict
        status = 200 if form.is_valid() and "refused" not in verdict else 422
    return render(request, "portals/history/check_proof.html", context, status=status)


def tidy_pasted(text: str) -> str:
    """Undo what a browser does to a pasted text: its line ends, and the last one lost."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n ")
    return read_proof_code(f"{plain}\n" if "\n" in plain else plain)


def _judge(form: ProofForm) -> dict[str, object]:
    desk, language = get_desk(), current_language()
    given = form.cleaned_data["vkey"]
    trust = Trust(
        logs=[given] if given else desk.log_keys,
        witnesses=desk.quorum.verifiers,
        quorum=0,
    )
    try:
        text = form.read_text()
        if text.startswith(HISTORY_HEADER):
            history = judge_history(text, trust)
            return {
                "lines": describe_history(history, language),
                "judged": history.new.key is not None,
                "own_key": given is None,
            }
        proved = judge_entry(text, trust)
    except EvidenceRefused as refusal:
        return {"refused": DISAGREEMENTS[refusal.what].say(language), "detail": refusal.what.value}
    return {
        "lines": describe_proved(proved, language),
        "unproved": list_not_proved(proved, language),
        "judged": proved.endorsed.key is not None,
        "own_key": given is None,
    }
