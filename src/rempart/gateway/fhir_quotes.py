"""Quotes and prises en charge in FHIR, at the door of those in JSON: the same question is made.

Refuses what the JSON one refuses, in the same words.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.claims.amo import BASE_MISSING, lacks_base
from rempart.disclosure.entry import Purpose
from rempart.exchange.billed_claim import LINES
from rempart.exchange.fhir_quote import (
    PROMISE,
    FhirCare,
    describe_faults,
    read_fhir_care,
    write_claim_response,
)
from rempart.gateway.claim_calls import FHIR, JSON
from rempart.gateway.door import Messages
from rempart.gateway.problems import InvalidQuestion
from rempart.gateway.quote_messages import (
    MOST_LINES,
    AskedPerson,
    CareGiven,
    ask_promise,
    build_question,
    read_replaced,
)
from rempart.kernel.birth import BirthDate
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.periods import Period
from rempart.rights.lookup import TypedIdentifiers
from rempart.rights.presence import PresenceDigits
from rempart.workflows.rights.rights_desk import Question

FHIR_QUOTES_PATH: Final = "/fhir/Claim/$quote"
MAX_FHIR_QUOTE_BYTES: Final = 128 * 1024

ONE_DAY: Final = Refusal(
    rule="quote_day",
    fr="Les actes d’un devis sont d’un même jour.",
    en="The acts of a quote are of one day.",
    advice_fr="Faire un devis par jour de soins.",
    advice_en="Make one quote for each day of care.",
)
ONE_PROOF: Final = Refusal(
    rule="quote_proof",
    fr="La présence se prouve par un code ou par la carte Vitale, avec des identifiants saisis.",
    en="Presence is proved by a code or by the Vitale card, with typed identifiers.",
    advice_fr="N’envoyer qu’une des deux extensions, et aucune avec le code d’une carte.",
    advice_en="Send one of the two extensions at most, and none with the code of a card.",
)


def make_fhir_messages(engagement_secret: bytes) -> Messages:
    """Return what is asked and answered in FHIR."""
    return Messages(
        FhirParser(engagement_secret).parse,
        MAX_FHIR_QUOTE_BYTES,
        frozenset({FHIR, JSON}),
        FHIR,
        write_claim_response,
    )


@dataclass(frozen=True, slots=True)
class FhirParser:
    """Reads quotes and requests of prises en charge.

    Args:
        engagement_secret: What tells our numbers from others.
    """

    engagement_secret: bytes

    def parse(self, body: bytes, *, care_dates: Period) -> Question:
        """Read a `Claim`.

        Raises:
            MalformedRequest: the bytes are not JSON.
            InvalidQuestion: something cannot be true, or cannot be computed.
        """
        read = read_fhir_care(body)
        if not isinstance(read, FhirCare):
            raise InvalidQuestion(describe_faults(read))
        faults: list[tuple[str, Refusal]] = []
        promises = read.use == PROMISE
        replaces = read_replaced(
            self.engagement_secret, read.claim.replaces if promises else "", faults
        )
        person = _read_person(read, faults)
        question = build_question(
            person,
            CareGiven(read.claim.lines, _check_lines(read, faults), read.claim.in_pathway),
            care_dates=care_dates,
            purpose=Purpose.ADMISSION if promises else Purpose.QUOTE,
            faults=faults,
        )
        return ask_promise(question, replaces) if promises else question


def _read_person(read: FhirCare, faults: list[tuple[str, Refusal]]) -> AskedPerson:
    identifiers = read.claim.identifiers
    typed = isinstance(identifiers, TypedIdentifiers)
    if (read.digits and read.assertion) or (not typed and (read.digits or read.assertion)):
        faults.append(("extension", ONE_PROOF))
    digits = None
    if read.digits:
        try:
            digits = PresenceDigits.parse(read.digits)
        except BadValue as wrong:
            faults.append(("extension.presence-digits", wrong.refusal))
    born = BirthDate.parse(read.claim.birth_date)
    return AskedPerson(identifiers, born, digits, read.assertion or None)


def _check_lines(read: FhirCare, faults: list[tuple[str, Refusal]]) -> date:
    """Return the day of the acts; what is wrong with them goes to `faults`."""
    lines = read.claim.lines
    numbers = {line.number for line in lines}
    if not 1 <= len(lines) <= MOST_LINES or len(numbers) < len(lines):
        raise InvalidQuestion([("item", LINES)])
    if len({line.care_date for line in lines}) > 1:
        faults.append(("item.servicedDate", ONE_DAY))
    faults += [(f"item.{line.number}.base", BASE_MISSING) for line in lines if lacks_base(line)]
    return lines[0].care_date
