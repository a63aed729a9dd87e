"""Contact data given in for campaigns, and samples of what a campaign says.

Refuses to read a file here beyond its first line: it is sealed at once, and opened by a job,
elsewhere.
"""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.findings import Language
from rempart.notices.media import PRESENTATIONS, Variant
from rempart.notices.texts import EXERCISE_TEXT
from rempart.portals import campaign_wording as wording
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.campaign_forms import ContactsForm
from rempart.portals.campaign_samples import print_sample, write_sample
from rempart.portals.desk import get_desk
from rempart.portals.views.campaigns import load_sheet
from rempart.portals.visit import allows, require_visitor
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.notices import campaign_contacts
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices.campaigns import ContactFile

_MOST_SHOWN: Final = 100


@require_http_methods(FORM_METHODS)
@allows(Permission.MAKE_CAMPAIGN)
def contacts(request: HttpRequest) -> HttpResponseBase:
    """Show the files of contact data given in; take another."""
    form = ContactsForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            content = form.cleaned_data["file"].read()
            fault = campaign_contacts.find_header_fault(content) if content.strip() else None
            done = Refused(status) if fault else _give(request, content)
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("campaign-contacts"))
            words = wording.RULES[fault] if fault else _("Ce fichier est vide, ou trop grand.")
            form.add_error("file", capfirst(str(words)))
            status = done.status
    files = perform_or_404(request, acts.list_files)
    context = {
        "form": form,
        "files": [describe_file(one) for one in files],
        **list_abilities(require_visitor(request), [Permission.MAKE_CAMPAIGN]),
    }
    return render(request, "portals/campaigns/contacts.html", context, status=status)


def _give(request: HttpRequest, content: bytes) -> Refused | None:
    ref, slot = acts.draw_reference(), get_desk().contacts_slot
    return perform(
        request,
        lambda tx, asker: campaign_contacts.give_contacts(tx, asker, slot, content, file_ref=ref),
    )


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def sample(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Show what people of one kind of facts read, in either language and each print; as PDF."""
    sheet = load_sheet(request, read_ref(campaign_ref))
    place = read_whole(request.GET.get("n", "0"), most=len(sheet.kinds) - 1)
    if place is None:
        raise Http404
    kind = sheet.kinds[place]
    language: Language = "en" if request.GET.get("langue", kind.language) == "en" else "fr"
    variant = _read_variant(request)
    facts, exercise = acts.load_facts(sheet.campaign), sheet.campaign.exercise
    if request.GET.get("forme") == "pdf":
        pdf = print_sample(
            facts,
            kind,
            language,
            variant=variant,
            exercise=exercise,
            made_at=sheet.campaign.prepared_at or sheet.campaign.made_at,
        )
        answer = HttpResponse(pdf, content_type="application/pdf")
        answer.headers["Content-Disposition"] = 'attachment; filename="exemple.pdf"'
        return answer
    notice = write_sample(facts, kind, language)
    context = {
        "campaign": sheet.campaign,
        "blocks": [
            (block.title, _cut(block.text, variant), block.items) for block in notice.blocks
        ],
        "banner": EXERCISE_TEXT[language] if exercise else "",
        "css": f"print-{variant.value.replace('_', '-')}",
        "place": place,
        "language": language,
        "variant": variant.value,
        "variants": [(one.value, wording.VARIANTS[one]) for one in Variant],
        "relation": wording.RELATIONS[kind.relation],
        "certainty": wording.CERTAINTIES[kind.certainty],
        "persons": kind.persons,
        "previous": place - 1,
        "following": place + 1 if place + 1 < len(sheet.kinds) else None,
    }
    return render(request, "portals/campaigns/sample.html", context)


def _cut(text: str, variant: Variant) -> list[str]:
    """Return the lines of a block as this print shows them."""
    if PRESENTATIONS[variant].one_sentence_a_line:
        for mark in (". ", "? "):
            text = text.replace(mark, f"{mark.strip()}\n")
    return [line for line in text.splitlines() if line]


def _read_variant(request: HttpRequest) -> Variant:
    try:
        return Variant(request.GET.get("presentation", Variant.STANDARD))
    except ValueError:
        return Variant.STANDARD


def describe_file(one: ContactFile) -> dict[str, Any]:
    """Return what a page shows of a file that was given in: what was wrong with it, by line."""
    counted = [row for row in one.findings if "lines" in row]
    placed = [row for row in one.findings if "line" in row]
    return {
        "row": one,
        "state": wording.FILE_STATES[one.state],
        "rules": [(wording.RULES[row["rule"]], row["lines"]) for row in counted],
        "lines": [
            (row["line"], row["field"], wording.RULES[row["rule"]]) for row in placed[:_MOST_SHOWN]
        ],
        "more": max(len(placed) - _MOST_SHOWN, 0),
    }
