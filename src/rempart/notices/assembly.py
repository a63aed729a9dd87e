"""From facts to a notice: blocks are chosen by tags, slots filled once, in the order of the file.

The same facts give the same notice, byte for byte. Refuses to choose words: they are data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import Field, format_fields
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.findings import Language
from rempart.notices.channels import CHANNELS
from rempart.notices.facts import (
    NO_FIELD,
    Certainty,
    IncidentFacts,
    PersonFacts,
    PublicFacts,
    Relation,
    clean_name,
)
from rempart.notices.media import PERSONAL_MEDIA, PRESENTATIONS, Medium, Variant
from rempart.notices.texts import (
    BLOCKS,
    COMPLAINT_TEXT,
    KEPT_WHY_TEXTS,
    MEASURE_TEXTS,
    PLANNED_TEXTS,
    BlockText,
    Element,
    ItemList,
    fill_slots,
)
from rempart.notices.words import format_day

_BANK: Final = Field.BANK_DETAILS | Field.PROFESSIONAL_BANK_DETAILS
_HEALTH: Final = Field.TRANSPORT_INVOICE | Field.BILLED_ACTS
_CERTAINTY_TAGS: Final = MappingProxyType(
    {
        Certainty.CONFIRMED: "confirmed",
        Certainty.PROBABLE: "probable",
        Certainty.POSSIBLE: "possible",
        Certainty.EXCLUDED: "excluded",
    }
)
_UNNAMED: Final = MappingProxyType({"fr": "Madame, Monsieur", "en": "Madam or Sir"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One part of a notice, its slots filled: a title or none, sentences, a list or none."""

    block_id: str
    element: Element | None
    title: str
    text: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What somebody is told; which elements of article 34(2) it has is known from its blocks."""

    medium: Medium
    language: Language
    case_reference: str
    version: int
    blocks: tuple[Block, ...]

    @property
    def missing_elements(self) -> tuple[Element, ...]:
        """What article 34(2) asks for and no block brings, in the order of the article."""
        there = {block.element for block in self.blocks if block.text or block.items}
        return tuple(element for element in Element if element not in there)


def assemble_notice(
    incident: IncidentFacts,
    about: PersonFacts | PublicFacts,
    *,
    medium: Medium,
    language: Language,
) -> Notice:
    """Write a notice: a letter or an e-mail about one person, or a text for everybody.

    Raises:
        ValueError: a personal medium without a person, or a public one with a person.
    """
    if isinstance(about, PersonFacts) != (medium in PERSONAL_MEDIA):
        raise ValueError(f"{medium}: letters and e-mails are about one person, other texts are not")
    tags = list_tags(incident, about)
    values = list_slots(incident, about, language)
    blocks = tuple(
        _fill(one, incident, about, values, language)
        for one in BLOCKS
        if one.is_taken(medium, tags)
    )
    return Notice(
        medium=medium,
        language=language,
        case_reference=incident.case_reference,
        version=incident.version,
        blocks=blocks,
    )


def check_can_send(notice: Notice) -> None:
    """Refuse a notice that lacks what article 34(2) asks for.

    Raises:
        InvalidRequest: with the elements that are missing; nothing was sent.
    """
    missing = notice.missing_elements
    if missing:
        raise InvalidRequest(
            f"the notice lacks {', '.join(missing)} (GDPR, article 34(2)): it cannot be sent",
            fields=tuple((one.value, "put back a block that says it") for one in missing),
        )


def list_tags(incident: IncidentFacts, about: PersonFacts | PublicFacts) -> frozenset[str]:
    """Return what decides which blocks are taken."""
    tags = {
        "nir": bool(about.exposed & Field.NIR),
        "bank": bool(about.exposed & _BANK),
        "health": bool(about.exposed & _HEALTH),
        "space_open": incident.is_space_open,
        "space_closed": not incident.is_space_open,
        "update_due": incident.next_update_on is not None,
        "some_planned": bool(incident.planned),
        "prosecutor": bool(incident.prosecutor),
    }
    if isinstance(about, PersonFacts):
        tags |= {
            _CERTAINTY_TAGS[about.certainty]: True,
            about.relation.value: True,
            f"reason_{about.doubt}": about.doubt is not None,
            "some_not_exposed": bool(about.not_exposed),
            "corrects": about.corrects is not None,
            "second": about.may_be_second,
        }
    return frozenset(tag for tag, holds in tags.items() if holds)


def list_slots(
    incident: IncidentFacts, about: PersonFacts | PublicFacts, language: Language
) -> dict[str, str]:
    """Return what fills the slots; those that no taken block uses may be empty."""
    sender = incident.sender
    update = incident.next_update_on
    slots = {
        "insurer": sender.name,
        "phone": sender.phone,
        "hours": sender.hours_fr if language == "fr" else sender.hours_en,
        "dpo_email": sender.dpo_email,
        "post_address": sender.post_address,
        "site": sender.site,
        "operator": incident.operator,
        "case_reference": incident.case_reference,
        "version": str(incident.version),
        "breach_days": _format_days(incident, language),
        "discovered": format_day(incident.discovered_on, language),
        "told": format_day(incident.told_on, language),
        "written": format_day(incident.written_on, language),
        "next_update": format_day(update, language) if update else "",
        "prosecutor": incident.prosecutor,
    }
    if isinstance(about, PublicFacts):
        return slots | {"numbers": _format_numbers(about, language)}
    left = about.departure
    return slots | {
        "recipient": clean_name(about.recipient) or _UNNAMED[language],
        "person": clean_name(about.person),
        "authenticity_code": about.authenticity_code,
        "corrected_on": format_day(about.corrects, language) if about.corrects else "",
        "left_on": format_day(left.left_on, language) if left else "",
        "kept_until": format_day(left.kept_until, language) if left else "",
        "kept_why": KEPT_WHY_TEXTS[left.kept_why][language] if left else "",
    }


def format_text(notice: Notice, variant: Variant = Variant.STANDARD) -> str:
    """Write a notice as plain text: the same words whatever the variant."""
    alone = PRESENTATIONS[variant].one_sentence_a_line
    return "\n\n".join("\n".join(_format_lines(block, alone)) for block in notice.blocks) + "\n"


def write_complaint(incident: IncidentFacts, person: PersonFacts, language: Language) -> str:
    """Fill the complaint letter of a person concerned.

    Raises:
        InvalidRequest: nothing was read of this person, who has nothing to complain of here.
    """
    if person.certainty is Certainty.EXCLUDED:
        raise InvalidRequest("nothing was read of this person: there is no complaint to fill")
    french = language == "fr"
    slots = list_slots(incident, person, language)
    child = slots["person"]
    mine = "Je représente" if french else "I represent"
    led_by = "Enquête" if french else "Inquiry"
    slots["for_whom"] = f"{mine} {child}." if person.relation is Relation.MINOR else ""
    slots["prosecutor_line"] = f"{led_by} : {incident.prosecutor}." if incident.prosecutor else ""
    slots["fields"] = "\n".join(f"- {one}" for one in format_fields(person.exposed, language))
    return fill_slots(COMPLAINT_TEXT[language], slots)


def _fill(
    block: BlockText,
    incident: IncidentFacts,
    about: PersonFacts | PublicFacts,
    values: dict[str, str],
    language: Language,
) -> Block:
    items = _list_items(block.items, incident, about, language) if block.items else ()
    return Block(
        block_id=block.block_id,
        element=block.element,
        title=fill_slots(block.titles[language], values),
        text=fill_slots(block.texts[language], values),
        items=tuple(items),
    )


def _list_items(
    kind: ItemList, incident: IncidentFacts, about: PersonFacts | PublicFacts, language: Language
) -> list[str]:
    match kind:
        case ItemList.EXPOSED:
            return format_fields(about.exposed, language)
        case ItemList.NOT_EXPOSED:
            not_exposed = about.not_exposed if isinstance(about, PersonFacts) else NO_FIELD
            return format_fields(not_exposed, language)
        case ItemList.MEASURES:
            return [MEASURE_TEXTS[one][language] for one in incident.measures]
        case ItemList.PLANNED:
            return [PLANNED_TEXTS[one][language] for one in incident.planned]
        case ItemList.CHANNELS:
            return [one.format_line(language) for one in CHANNELS]


def _format_days(incident: IncidentFacts, language: Language) -> str:
    first = format_day(incident.starts_on, language)
    last = format_day(incident.ends_on, language)
    if first == last:
        return f"Le {first}" if language == "fr" else f"On {first}"
    return f"Du {first} au {last}" if language == "fr" else f"From {first} to {last}"


def _format_numbers(about: PublicFacts, language: Language) -> str:
    def write(number: int) -> str:
        return f"{number:,}".replace(",", "\u202f" if language == "fr" else ",")

    held, confirmed = write(about.held), write(about.confirmed)
    if language == "fr":
        most = "On ne sait pas dire le plus grand nombre possible."
        if about.at_most is not None:
            most = f"Au plus : {write(about.at_most)}."
        return f"Nombre de personnes : {held}. Établi pour {confirmed}. {most}"
    most = "Nobody can say the greatest possible number."
    if about.at_most is not None:
        most = f"At most: {write(about.at_most)}."
    return f"Number of people: {held}. Established for {confirmed}. {most}"


def _format_lines(block: Block, alone: bool) -> Iterator[str]:
    if block.title:
        yield block.title
    text = block.text
    if alone:
        for mark in (". ", "? "):
            text = text.replace(mark, f"{mark.strip()}\n")
    yield text
    yield from (f"- {item}" for item in block.items)
