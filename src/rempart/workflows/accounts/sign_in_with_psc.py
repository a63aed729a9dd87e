"""Sign a professional in with what Pro Santé Connect said of them.

Refuses an unknown RPPS number with an explanation, and a suspended account without one. Where
several situations would do, returns them: the person chooses, and the choice is checked again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.situations import Holder, MembershipFacts, Offer, Place, decide_offers
from rempart.exchange.psc import PscIdentity, Situation
from rempart.storage import passkeys, professional_accounts
from rempart.storage.connect import Transaction
from rempart.storage.professional_accounts import FoundPlace, FoundProfessional
from rempart.workflows.accounts.web_session import Recognised, Whence, record_event

PROVIDER = "psc"
Refusal = Literal["unknown", "suspended", "no_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlace:
    """An establishment of ours that the provider named; kept while somebody chooses.

    `self_employed`: whether they practise there on their own account.
    """

    org_ref: int
    self_employed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PscSignIn:
    """Somebody Pro Santé Connect recognised, and the roles in which they may act.

    Args:
        refusal: Why they may not come in; None when `offers` has something.
        places: What their choice is checked against later.
    """

    actor_ref: int | None = None
    refusal: Refusal | None = None
    places: list[NamedPlace] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)


def sign_in_with_psc(tx: Transaction, identity: PscIdentity, *, whence: Whence) -> PscSignIn:
    """Say who somebody is here and in which roles they may act today.

    A refusal is written as an event: commit the transaction either way.

    Args:
        tx: A transaction of the role `signin`.
        identity: What Pro Santé Connect said, verified.
        whence: Where the browser is.

    Returns:
        One offer or several; or the refusal, in the order of `Refusal`.
    """
    found = professional_accounts.find_professional(tx, identity.rpps)
    if found is None:
        return _refuse(tx, None, "unknown", whence)
    if found.suspended:
        return _refuse(tx, found.actor_ref, "suspended", whence)
    places = _match_places(tx, identity.situations)
    offers = _list_offers(tx, found, places)
    if not offers:
        return _refuse(tx, found.actor_ref, "no_place", whence)
    return PscSignIn(actor_ref=found.actor_ref, places=list(places), offers=offers)


def list_psc_offers(tx: Transaction, actor_ref: int, places: Iterable[NamedPlace]) -> list[Offer]:
    """Say again in which roles a professional may act, when they choose one; empty: in none.

    Args:
        tx: A transaction of the role `signin`.
        actor_ref: Whom `sign_in_with_psc` recognised.
        places: What it returned.
    """
    found = professional_accounts.load_professional(tx, actor_ref)
    if found is None or found.suspended:
        return []
    return _list_offers(tx, found, list(places))


def make_recognised(actor_ref: int, offer: Offer, *, subject: str, sid: str) -> Recognised:
    """Return what opens the session of the role somebody chose."""
    return Recognised(
        actor_ref=actor_ref,
        role=offer.role,
        org_ref=offer.org_ref,
        membership_ref=offer.membership_ref,
        accountable_ref=offer.accountable_ref,
        method="psc",
        provider=PROVIDER,
        provider_sid=sid,
        provider_sub=subject,
    )


def record_refused_answer(tx: Transaction, reason: str, *, provider: str, whence: Whence) -> None:
    """Write that a provider's answer was refused before anybody was recognised."""
    _record(tx, None, reason, whence, provider=provider)


def _match_places(tx: Transaction, situations: Iterable[Situation]) -> list[NamedPlace]:
    """Return our establishments that the situations name, in their order, each once."""
    given = list(situations)
    found = professional_accounts.list_places(
        tx,
        finess={one.finess.number for one in given if one.finess},
        siret={one.siret.number for one in given if one.siret},
    )
    matched: dict[int, bool] = {}
    for situation in given:
        for place in found:
            if _is_at(situation, place):
                own = situation.mode == "L"
                matched[place.org_ref] = matched.get(place.org_ref, False) or own
    return [NamedPlace(org_ref=ref, self_employed=own) for ref, own in matched.items()]


def _is_at(situation: Situation, place: FoundPlace) -> bool:
    """Compare FINESS numbers where both have one: several sites may share a SIRET's building."""
    if situation.finess is not None and place.finess is not None:
        return situation.finess.number == place.finess
    return situation.siret is not None and situation.siret.number == place.siret


def _list_offers(
    tx: Transaction, found: FoundProfessional, places: Iterable[NamedPlace]
) -> list[Offer]:
    named = list(places)
    refs = [place.org_ref for place in named]
    holders = [
        one
        for one in professional_accounts.list_holders(tx, refs)
        if one.actor_ref != found.actor_ref
    ]
    details = professional_accounts.describe_places(tx, refs)
    stopped = professional_accounts.list_stopped(tx, found.actor_ref, refs)
    return decide_offers(
        [
            Place(
                org_ref=place.org_ref,
                name=details[place.org_ref].name,
                self_employed=place.self_employed,
                registered=details[place.org_ref].establishment_ref == found.establishment_ref,
                is_held=any(one.org_ref == place.org_ref for one in holders),
                holders=tuple(
                    Holder(one.actor_ref, one.name)
                    for one in holders
                    if one.org_ref == place.org_ref and one.able
                ),
                stopped=place.org_ref in stopped,
            )
            for place in named
            if place.org_ref in details
        ],
        _list_memberships(tx, found.actor_ref),
    )


def _list_memberships(tx: Transaction, actor_ref: int) -> list[MembershipFacts]:
    roles = [
        one
        for one in passkeys.list_open_roles(tx, actor_ref)
        if one.org_kind == "establishment" and one.org_ref is not None and one.membership_ref
    ]
    names: Mapping[int, str] = professional_accounts.list_names(
        tx, [one.accountable_ref for one in roles if one.accountable_ref is not None]
    )
    return [
        MembershipFacts(
            membership_ref=one.membership_ref or 0,
            org_ref=one.org_ref or 0,
            org_name=one.org_name,
            role=one.role,
            accountable_ref=one.accountable_ref,
            accountable_name=names.get(one.accountable_ref or 0, ""),
        )
        for one in roles
    ]


def _refuse(tx: Transaction, actor_ref: int | None, reason: Refusal, whence: Whence) -> PscSignIn:
    _record(tx, actor_ref, reason, whence, provider=PROVIDER)
    return PscSignIn(actor_ref=actor_ref, refusal=reason)


def _record(
    tx: Transaction, actor_ref: int | None, reason: str, whence: Whence, *, provider: str
) -> None:
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.SIGN_IN_REFUSED,
            actor_ref=actor_ref,
            address=whence.address,
            agent=whence.agent,
            details={"method": "psc" if provider == PROVIDER else "oidc", "provider": provider,
                     "reason": reason},
        ),
    )  # fmt: skip
