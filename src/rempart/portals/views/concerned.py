"""« Suis-je concerné ? »: by the code of a message, or by a card that the browser alone reads.

Nobody signs in. Refuses to tell one wrong code from another, to keep what was typed, and to name
anybody: a code shows the words of its message without its reader's name.
"""

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from rempart.disclosure.fields import FIELD_LABELS
from rempart.kernel.errors import NotFound
from rempart.notices.answers import write_answer, write_own_complaint
from rempart.notices.channels import CHANNELS
from rempart.notices.contacts import Channel
from rempart.notices.media import Medium
from rempart.notices.self_check import CERTAINTIES, DOUBTS, ENTRY_BYTES
from rempart.portals.addresses import find_browser_address
from rempart.portals.allowances import AddressAllowance
from rempart.portals.concerned_wording import CARD_WORDS, CERTAINTY_WORDS, DOUBT_WORDS, KINDS
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.visit import public
from rempart.workflows.notices import answer_concerned
from rempart.workflows.notices.answer_concerned import CODE_CHARS, CodeAnswer, CodeReply, ServedList

METHODS: Final = ["GET", "HEAD", "POST"]
_BIGGEST: Final = (1 << 63) - 1
_MOST_PREFIX: Final = 1 << 24


class CodeForm(forms.Form):
    """The code of a message."""

    code = forms.CharField(
        label=_("Code de votre message"),
        help_text=_("Treize lettres et chiffres, sur le courrier ou le courriel. Tirets acceptés."),
        max_length=CODE_CHARS,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "characters",
                "size": 20,
            }
        ),
    )
    use_required_attribute = False


@public
@require_http_methods(METHODS)
@sensitive_post_parameters("code")
def concerned(request: HttpRequest) -> HttpResponse:
    """Ask for a code or a card; show what a code says."""
    language = current_language()

    def describe(reply: CodeReply, code: str) -> dict[str, Any]:
        return {
            "this": _describe(reply.this, code),
            "last": None if reply.last is None else _describe(reply.last, ""),
            "complaint": _write_complaint(reply, code),
        }

    with get_desk().transaction() as tx:
        checks = answer_concerned.list_checks(tx)
    context = {
        "checks": checks,
        "lists": json.dumps([_describe_list(one) for one in checks], sort_keys=True),
        "words": json.dumps(_list_words(), ensure_ascii=False, sort_keys=True),
        "english": language == "en",
    }
    return _answer(request, "portals/concerned/concerned.html", context, describe)


@public
@require_http_methods(METHODS)
@sensitive_post_parameters("code")
def check_letter(request: HttpRequest) -> HttpResponse:
    """Say whether a message that carries a code is genuine: who sent it and when, nothing else."""

    def describe(reply: CodeReply, _code: str) -> dict[str, Any]:
        return {"genuine": _describe_head(reply.this), "is_replaced": reply.last is not None}

    return _answer(request, "portals/concerned/check_letter.html", {"channels": CHANNELS}, describe)


@public
@require_safe
def concerned_bucket(request: HttpRequest, list_ref: int, prefix: int) -> HttpResponse:
    """Give a bucket of a list: hundreds of cards share its address, one reads one answer of it."""
    if _wait(request, get_desk().allowances.buckets):
        return HttpResponse(status=429)
    if list_ref > _BIGGEST or prefix >= _MOST_PREFIX:
        raise Http404
    try:
        with get_desk().transaction() as tx:
            entries = answer_concerned.read_bucket(tx, list_ref, prefix)
    except NotFound:
        raise Http404 from None
    return HttpResponse(entries, content_type="application/octet-stream")


def _answer(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    describe: Callable[[CodeReply, str], dict[str, Any]],
) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    context |= {"form": form}
    if request.method != "POST":
        return render(request, template, context)
    if _wait(request, get_desk().allowances.answers):
        return render(request, template, context | {"too_many": True}, status=429)
    # Whatever is wrong with a code, the same steps and the same words: an empty one too.
    text = form.data.get("code", "")[:CODE_CHARS]
    with get_desk().transaction() as tx:
        reply = answer_concerned.read_code(tx, text)
    # What was typed is not written back into the page.
    context["form"] = CodeForm()
    if reply is None:
        return render(request, template, context | {"unknown": True}, status=422)
    return render(request, template, context | describe(reply, text.strip().upper()))


def _wait(request: HttpRequest, allowance: AddressAllowance) -> float:
    return allowance.ask(find_browser_address(request))


def _describe(one: CodeAnswer, code: str) -> dict[str, Any]:
    medium = Medium.LETTER if one.channel is Channel.LETTER else Medium.EMAIL
    blocks = write_answer(one.answer, current_language(), medium=medium, code=code)
    return _describe_head(one) | {"blocks": blocks, "is_concerned": one.answer.is_concerned}


def _describe_head(one: CodeAnswer) -> dict[str, Any]:
    facts = one.answer.facts
    return {
        "insurer": facts.sender.name,
        "case_reference": facts.case_reference,
        "written_on": facts.written_on,
        "kind": KINDS[one.kind],
        "exercise": one.exercise,
        "page": one.page,
    }


def _write_complaint(reply: CodeReply, code: str) -> str:
    """Return the complaint letter that holds now; empty for somebody who is not concerned."""
    last = reply.last or reply.this
    if not last.answer.is_concerned or last.exercise:
        return ""
    return write_own_complaint(
        last.answer, current_language(), code="" if reply.last is not None else code
    )


def _describe_list(one: ServedList) -> dict[str, Any]:
    return {
        "ref": str(one.list_ref),
        "salt": base64.b64encode(one.salt).decode(),
        "bits": one.bits,
        "realm": one.amc_number,
    }


def _list_words() -> dict[str, Any]:
    language = current_language()
    return {
        "entry": ENTRY_BYTES,
        "certainties": [str(CERTAINTY_WORDS[one]) for one in CERTAINTIES],
        "doubts": [str(DOUBT_WORDS[one]) for one in DOUBTS],
        "fields": {
            str(field.bit_length() - 1): getattr(label, language)
            for field, label in FIELD_LABELS.items()
        },
        **{name: str(words) for name, words in CARD_WORDS.items()},
    }
