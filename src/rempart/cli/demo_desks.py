"""The demo's professionals at their desks: they check rights, then bill, through the public API.

What a publisher's software does, nothing else: tokens come from the simulated Pro Santé Connect,
promises from real checks. Refuses to insist: what cannot be checked is billed without a promise.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import httpx

from rempart.client import Card, Claims, Open, Problem, Rempart, Typed
from rempart.client.connection import Access
from rempart.exchange.billed_claim import BilledClaim
from rempart.kernel.errors import SetupError
from rempart.rights.lookup import TypedIdentifiers
from rempart.synth.claim_desk import Desk, Member, SentClaim
from rempart.synth.claims import make_member, to_message
from rempart.synth.data_set import read_members
from rempart.synth.dice import make_dice

CLAIMS: Final = 300
DAYS: Final = 40
"""Over so many days care is spread."""
_SEED: Final = 2024
_DESKS: Final = 12
_AT_ONCE: Final = 4
_PANEL: Final = 24
_SHOWN_RANK: Final = 3
"""Of the demo's member among a desk's patients, the most frequent first: a few claims at each."""
_MOST_PECS: Final = 8
_POOL: Final = 120
"""People read of each feed."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Billing:
    """What one professional bills.

    Args:
        professional: A row of the professionals' file.
        batches: The claims, in the order they are sent, in two batches.
        patients: Who may come, the most frequent first.
    """

    professional: dict[str, str]
    batches: tuple[Sequence[SentClaim], Sequence[SentClaim]]
    patients: Sequence[Member]


@dataclass(slots=True, repr=False)
class Crowd:
    """People of some feeds, and the cards they carry.

    Args:
        cards: By identifiers, the code of the card.
    """

    people: dict[TypedIdentifiers, Member] = field(default_factory=dict)
    cards: dict[TypedIdentifiers, str] = field(default_factory=dict)

    def add(self, row: dict[str, str]) -> Member:
        """Add a row of a feed: somebody, or another stretch of theirs."""
        drawn = make_member(row)
        member = self.people.setdefault(drawn.identifiers, drawn)
        end = date.fromisoformat(row["period_end"]) if row["period_end"] else date.max
        member.periods.append((date.fromisoformat(row["period_start"]), end))
        if row["card_code"]:
            self.cards[member.identifiers] = row["card_code"]
        return member


def draw_billings(
    synth: Path, *, amc_numbers: Sequence[str], card: str, until: date, claims: int = CLAIMS
) -> tuple[Crowd, list[Billing]]:
    """Draw who bills what: the first of each profession, for members of some insurers.

    Args:
        synth: A directory written by `rempart synth`.
        amc_numbers: The insurers, that of the card first.
        card: The card of somebody whom every desk knows.
        until: The last day of care.
        claims: How many, over all professionals.

    Raises:
        SetupError: no feed of these insurers has the card.
    """
    crowd = Crowd()
    shown = None
    for row in read_members(synth, amc_numbers[0]):
        if row["card_code"] == card:
            shown = crowd.add(row)
    if shown is None:
        raise SetupError(f"no feed of {synth} has the demo's card: `make clean` and start again")
    others = {member.identifiers: member for member in _read_others(synth, crowd, amc_numbers)}
    others.pop(shown.identifiers, None)
    pool = list(others.values())
    professionals = _choose_professionals(synth / "professionals.csv")
    each = -(-claims // len(professionals))
    billings = []
    for rank, professional in enumerate(professionals):
        patients = pool[rank :: len(professionals)][:_PANEL]
        patients.insert(min(_SHOWN_RANK, len(patients)), shown)
        dice = make_dice(_SEED, "demo claims", professional["rpps"])
        desk = Desk(dice, professional["profession"], patients, until, DAYS)
        sent = sorted(islice(desk.draw(), each), key=lambda one: one.sent_on)
        cut = 2 * len(sent) // 3
        billings.append(
            Billing(professional=professional, batches=(sent[:cut], sent[cut:]), patients=patients)
        )
    return crowd, billings


def _read_others(synth: Path, crowd: Crowd, amc_numbers: Iterable[str]) -> Iterator[Member]:
    for amc_number in amc_numbers:
        for row in read_members(synth, amc_number, _POOL):
            yield crowd.add(row)


def _choose_professionals(file: Path) -> list[dict[str, str]]:
    """Choose the first professional, whom the demo signs in, and the first of each profession."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    firsts: dict[str, dict[str, str]] = {}
    for row in rows:
        firsts.setdefault(row["profession"], row)
    chosen = {row["rpps"]: row for row in chain(rows[:1], firsts.values(), rows[1:])}
    return list(chosen.values())[:_DESKS]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Street:
    """Where all desks are: one registered software, one simulated Pro Santé Connect.

    Args:
        rempart: The software's way to the installation.
        psc: Address of the protocol of the simulated Pro Santé Connect.
        client_id: What it calls the software.
        crowd: Who comes.
    """

    rempart: Rempart
    psc: str
    client_id: str
    crowd: Crowd

    def send(self, billings: Sequence[Billing], *, batch: int) -> int:
        """Have every desk check and bill its batch; return how many claims were taken.

        A batch of which the first claim is known was sent before, and is left.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(lambda one: self._bill(one, batch), billings))

    def ask_pecs(self, billings: Sequence[Billing], *, today: date) -> int:
        """Have opticians ask prises en charge, two and until one is agreed; return how many."""
        asked = 0
        for billing in billings:
            if billing.professional["profession"] == "optician":
                access = self._open(billing)
                often = billing.patients[_SHOWN_RANK:]
                people = [one for one in often if one.is_covered(today)][:_MOST_PECS]
                asked += _ask_until_agreed(access, people, today)
        return asked

    def _bill(self, billing: Billing, batch: int) -> int:
        sent = billing.batches[batch]
        if not sent:
            return 0
        access = self._open(billing)
        claims = Claims(access)
        if next(claims.list(invoice=sent[0].claim.invoice), None) is not None:
            return 0
        messages = [to_message(self._check(access, one.claim)) for one in sent]
        return len(claims.send(messages).references)

    def _open(self, billing: Billing) -> Access:
        row = billing.professional
        return self.rempart.act_for(lambda: self._sign_in(row["rpps"]), situation=row["siret"])

    def _check(self, access: Access, claim: BilledClaim) -> BilledClaim:
        """Quote the promise that a check of rights gives; none when it gives none."""
        who = claim.identifiers
        if not isinstance(who, TypedIdentifiers):
            return claim
        code = self.crowd.cards.get(who)
        try:
            answer = access.check_rights(
                Card(code) if code else Typed(**_spell(who)),
                domain=claim.lines[0].act.domain,
                care_date=min(line.care_date for line in claim.lines),
            )
        except Problem:
            return claim
        if not isinstance(answer, Open):
            return claim
        return replace(claim, engagement=answer.engagement.number)

    def _sign_in(self, rpps: str) -> str:
        """Sign a professional in on their own device (CIBA), and approve there at once."""
        ours = {"client_id": self.client_id, "client_secret": self.client_id}
        asked = {"scope": "openid scope_all", "login_hint": rpps, "binding_message": "42"}
        with httpx.Client(trust_env=False) as http:
            told = http.post(f"{self.psc}/ext/ciba/auth", data=ours | asked).raise_for_status()
            name = told.json()["auth_req_id"]
            device = httpx.URL(self.psc).join("/wallet/ciba")
            http.post(device, data={"request": name, "answer": "yes"})
            grant = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": name}
            tokens = http.post(f"{self.psc}/token", data=ours | grant).raise_for_status().json()
        return str(tokens["access_token"])


def _ask_until_agreed(access: Access, people: Sequence[Member], today: date) -> int:
    states: list[str] = []
    for one in people:
        if len(states) > 1 and "agreed" in states:
            break
        states += _ask_pec(access, one.identifiers, today)
    return len(states)


def _ask_pec(access: Access, who: TypedIdentifiers, today: date) -> list[str]:
    """Ask for a pair of glasses; return the state of the promise, or nothing: rights are closed."""
    frame = {"number": 1, "act": "MON", "billed_cents": 9_000, "base_cents": 5, "basket": "free"}
    lenses = frame | {"number": 2, "act": "VER", "billed_cents": 16_000, "base_cents": 10}
    glasses = {
        "identifiers": {"mode": "typed", **_spell(who)},
        "care_date": today.isoformat(),
        "lines": [frame, lenses | {"quantity": 2, "correction": "simple"}],
    }
    name = f"demo-pec-{today}-{who.birth_date.text}-{who.birth_rank.number}"
    response = access.request("POST", "/v1/pecs", json=glasses, headers={"Idempotency-Key": name})
    if response.status_code != httpx.codes.OK:
        return []
    pec = response.json()["answer"].get("pec")
    return [] if pec is None else [str(pec["state"])]


def _spell(who: TypedIdentifiers) -> dict[str, Any]:
    return {
        "amc_number": who.amc_number.number,
        "insured_nir": f"{who.insured_nir.number}{who.insured_nir.key:02d}",
        "birth_date": who.birth_date.text,
        "birth_rank": who.birth_rank.number,
    }
