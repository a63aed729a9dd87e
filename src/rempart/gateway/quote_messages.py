"""A quote or a prise en charge as software asks for it: JSON in, a `Question` about acts out.

Refuses what could not be computed whoever the person is: acts of two domains, a base nobody knows.
What is wrong is told before anybody is looked up, so that it tells nothing of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from rempart.claims.amo import BASE_MISSING, lacks_base
from rempart.claims.claim import Basket, ClaimLine, Correction, Exoneration
from rempart.claims.quote import CareAsked, Place
from rempart.disclosure.entry import Purpose
from rempart.exchange.billed_claim import LINES, Fault
from rempart.exchange.claim_json import SentLine, make_line
from rempart.gateway.problems import InvalidQuestion
from rempart.gateway.questions import (
    CARE_DATE,
    MISSING,
    AnyIdentifiers,
    BirthDateText,
    IdentifiersCard,
    IdentifiersVitale,
    decode_body,
    read_person,
)
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.periods import Period
from rempart.rights.engagement import parse_engagement
from rempart.rights.lookup import Identifiers, TypedIdentifiers
from rempart.rights.presence import PresenceDigits
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.rights.rights_desk import Question

QUOTES_PATH: Final = "/v1/quotes"
MAX_QUOTE_BYTES: Final = 32 * 1024
MOST_LINES: Final = 40
PEC_DOMAINS: Final = ("OPTI", "DENT", "AUDI", "HOSP")
"""Where care begins with a prise en charge: domain.md calls it complex tiers payant."""

ONE_DOMAIN: Final = Refusal(
    rule="quote_domain",
    fr="Les actes d’un devis sont d’un même domaine de soins.",
    en="The acts of a quote are of one domain of care.",
    advice_fr="Faire un devis par domaine : optique, dentaire, audiologie, hospitalisation…",
    advice_en="Make one quote for each domain: optical, dental, hearing, hospital…",
)
PEC_DOMAIN: Final = Refusal(
    rule="pec_domain",
    fr="Ce domaine de soins se facture sans prise en charge.",
    en="This domain of care is billed without a prise en charge.",
    advice_fr="Vérifier les droits, puis facturer ; ou demander un simple devis.",
    advice_en="Check rights, then bill; or ask for a quote.",
)


class QuoteLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act. Amounts are whole cents of all units together."""

    number: Annotated[int, Meta(description="Its place on the quote, from 1.")]
    act: Annotated[str, Meta(description="Code of the act, such as MON, VER, PDT or PAU.")]
    billed_cents: Annotated[int, Meta(description="What is asked for it, cents.")]
    quantity: Annotated[int, Meta(description="How many acts, boxes or days.")] = 1
    base_cents: Annotated[
        int | None, Meta(description="Base de remboursement; a national tariff comes before it.")
    ] = None
    amo_cents: Annotated[
        int | None, Meta(description="What compulsory insurance pays; null to compute it.")
    ] = None
    basket: Annotated[Basket | None, Meta(description="Offer of 100 % Santé.")] = None
    equipment: Annotated[
        str | None, Meta(description="What lines of one pair of glasses have in common.")
    ] = None
    correction: Annotated[Correction | None, Meta(description="How strong the glasses are.")] = None
    exoneration: Annotated[
        Exoneration | None, Meta(description="Why compulsory insurance pays all of the base.")
    ] = None
    early_renewal: Annotated[
        bool, Meta(description="Whether sight changed: glasses before the delay.")
    ] = False


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Acts of one domain, on one day, for one person."""

    identifiers: Annotated[AnyIdentifiers, Meta(description="The person, as in a rights check.")]
    care_date: Annotated[date, Meta(description="The day care will be given, Paris civil date.")]
    lines: Annotated[list[QuoteLine], Meta(description="The acts, 1 to 40, of one domain.")]
    birth_date: Annotated[
        BirthDateText | None,
        Meta(description="With a card: the birth date printed on it; amounts depend on age."),
    ] = None
    in_pathway: Annotated[
        bool, Meta(description="Whether care follows the coordinated pathway.")
    ] = True


class PecRequest(QuoteRequest, frozen=True, forbid_unknown_fields=True):
    """Acts for which a prise en charge is asked."""

    replaces: Annotated[
        str, Meta(description="Number of a promise of yours that this one takes the place of.")
    ] = ""


_QUOTE: Final = msgspec.json.Decoder(QuoteRequest)
_PEC: Final = msgspec.json.Decoder(PecRequest)


def parse_quote(body: bytes, *, care_dates: Period) -> Question:
    """Read the body of a quote.

    Args:
        body: The bytes received.
        care_dates: The days that may be asked about today.

    Raises:
        MalformedRequest: the bytes are not JSON.
        InvalidQuestion: something cannot be true, or cannot be computed.
    """
    return _build(decode_body(_QUOTE, body), care_dates, Purpose.QUOTE)


@dataclass(frozen=True, slots=True)
class PecParser:
    """Reads requests of prises en charge.

    Args:
        engagement_secret: What tells our numbers from others.
    """

    engagement_secret: bytes

    def parse(self, body: bytes, *, care_dates: Period) -> Question:
        """Read the body of a request, as `parse_quote`."""
        request = decode_body(_PEC, body)
        faults: list[tuple[str, Refusal]] = []
        replaces = read_replaced(self.engagement_secret, request.replaces, faults)
        question = _build(request, care_dates, Purpose.ADMISSION, faults)
        return ask_promise(question, replaces)


def read_replaced(
    engagement_secret: bytes, number: str, faults: list[tuple[str, Refusal]]
) -> Place | None:
    """Return the promise to replace; None for none, or for a number that is not ours."""
    if not number:
        return None
    try:
        return Place(*parse_engagement(engagement_secret, number))
    except BadValue as wrong:
        faults.append(("replaces", wrong.refusal))
        return None


def ask_promise(question: Question, replaces: Place | None) -> Question:
    """Make a prise en charge of a quote.

    Raises:
        InvalidQuestion: its domain of care has none.
    """
    if question.domain.code not in PEC_DOMAINS:
        raise InvalidQuestion([("lines", PEC_DOMAIN)])
    care = question.care
    if care is None:
        raise RuntimeError("a question built about acts has acts")
    return question._replace(care=replace(care, promises=True, replaces=replaces))


def _build(
    request: QuoteRequest,
    care_dates: Period,
    purpose: Purpose,
    already: Sequence[tuple[str, Refusal]] = (),
) -> Question:
    faults = list(already)
    given = request.identifiers
    identifiers, digits = read_person(given, faults)
    born: BirthDate | None = None
    if isinstance(identifiers, TypedIdentifiers):
        born = identifiers.birth_date
    elif isinstance(given, IdentifiersCard):
        born = _read_birth_date(request.birth_date, faults)
    lines = _read_lines(request, faults)
    person = AskedPerson(
        identifiers,
        born,
        digits,
        given.assertion if isinstance(given, IdentifiersVitale) else None,
    )
    return build_question(
        person,
        CareGiven(lines, request.care_date, request.in_pathway),
        care_dates=care_dates,
        purpose=purpose,
        faults=faults,
    )


class AskedPerson(NamedTuple):
    """Whom a quote is for, as they are designated; None where it could not be read."""

    identifiers: Identifiers | None
    born: BirthDate | None
    digits: PresenceDigits | None = None
    assertion: str | None = None


class CareGiven(NamedTuple):
    """The acts of a quote, those that could be read."""

    lines: tuple[ClaimLine, ...]
    care_date: date
    in_pathway: bool


def build_question(
    person: AskedPerson,
    care: CareGiven,
    *,
    care_dates: Period,
    purpose: Purpose,
    faults: Sequence[tuple[str, Refusal]],
) -> Question:
    """Make the question of a quote, whatever format it came in.

    Args:
        person: Whom it is for.
        care: The acts.
        care_dates: The days that may be asked about today.
        purpose: Why.
        faults: What was wrong with it already.

    Raises:
        InvalidQuestion: something was wrong, or cannot be computed.
    """
    found = list(faults)
    if not care_dates.contains(care.care_date):
        found.append(("care_date", CARE_DATE))
    domains = {line.act.domain for line in care.lines}
    if len(domains) > 1:
        found.append(("lines", ONE_DOMAIN))
    if person.identifiers is None or person.born is None or found or not domains:
        raise InvalidQuestion(found)
    return Question(
        identifiers=person.identifiers,
        domain=DOMAINS[care.lines[0].act.domain],
        care_date=care.care_date,
        purpose=purpose,
        digits=person.digits,
        assertion=person.assertion,
        care=CareAsked(lines=care.lines, born=person.born, in_pathway=care.in_pathway),
    )


def _read_birth_date(text: str | None, faults: list[tuple[str, Refusal]]) -> BirthDate | None:
    if text is None:
        faults.append(("birth_date", MISSING))
        return None
    try:
        return BirthDate.parse(text)
    except BadValue as wrong:
        faults.append(("birth_date", wrong.refusal))
        return None


def _read_lines(request: QuoteRequest, faults: list[tuple[str, Refusal]]) -> tuple[ClaimLine, ...]:
    """Make the lines; what is wrong in them is added to `faults`, with its place."""
    numbers = {line.number for line in request.lines}
    if not 1 <= len(request.lines) <= MOST_LINES or len(numbers) < len(request.lines):
        faults.append(("lines", LINES))
        return ()
    made = []
    for place, line in enumerate(request.lines):
        wrong: list[Fault] = []
        fields = msgspec.structs.asdict(line)
        one = make_line(SentLine(**fields, care_date=request.care_date), wrong)
        faults += [(f"lines.{place}.{fault.field}", fault.refusal) for fault in wrong]
        if one is None:
            continue
        if lacks_base(one):
            faults.append((f"lines.{place}.base_cents", BASE_MISSING))
        made.append(one)
    return tuple(made)
