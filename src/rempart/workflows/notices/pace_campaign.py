"""Campaigns under way: which go on, how much may leave now, how far they are, when they end.

Refuses to let leave in an hour more than a hot line answers for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from rempart.kernel.errors import NotFound
from rempart.notices.pace import (
    Forecast,
    Speed,
    compute_allowed,
    compute_allowed_letters,
    compute_forecast,
)
from rempart.storage import notice_delivery as delivery
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.notice_delivery import SendingCampaign
from rempart.storage.sealing import Kms

SPACES_AT_ONCE: Final = 1000
_MEASURED: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient deliveries are.

    Args:
        uncertain_after: An e-mail that may have left becomes a letter when nothing was heard of it.
        bounces_for: How long an e-mail may come back: a campaign does not end before.
        put_off: After the first time, an e-mail waits so long; after the third, nine times.
        tries: Put off so often, an e-mail becomes a letter.
    """

    uncertain_after: timedelta = timedelta(hours=24)
    bounces_for: timedelta = timedelta(days=5)
    put_off: timedelta = timedelta(minutes=5)
    tries: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What deliveries work with.

    Args:
        open_transaction: Opens transactions of the role notifier.
        kms: Opens contacts and campaigns' keys.
        must_stop: Whether it is time to stop; asked between steps.
        now: The clock.
        tell: Is told how many were done.
    """

    open_transaction: OpenTransaction
    kms: Kms = field(repr=False)
    now: Callable[[], datetime]
    must_stop: Callable[[], bool] = lambda: False
    timing: Timing = field(default_factory=Timing)
    tell: Callable[[int], None] = lambda _done: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is.

    Args:
        counts: Messages by channel and state.
        speed: Of the last minutes.
        forecast: When what waits will have left.
    """

    counts: dict[tuple[str, str], int]
    speed: Speed
    forecast: Forecast


def begin_campaigns(tx: Transaction) -> list[SendingCampaign]:
    """Begin what was approved; return what is under way, the oldest first."""
    delivery.begin_approved(tx)
    return delivery.list_sending(tx)


def finish_campaigns(tx: Transaction, *, now: datetime, timing: Timing) -> int:
    """End campaigns of which nothing is left to wait for; return how many."""
    return delivery.finish_campaigns(tx, bounces_until=now - timing.bounces_for)


def find_allowed(tx: Transaction, campaign: SendingCampaign, now: datetime) -> int | None:
    """Return how many e-mails and messages to spaces may leave now; None: no bound."""
    if campaign.per_hour is None:
        return None
    moved = delivery.count_moved(tx, campaign.campaign_ref, now)
    return compute_allowed(
        campaign.per_hour, last_hour=moved.last_hour, last_minutes=moved.last_minutes
    )


def find_allowed_letters(tx: Transaction, campaign: SendingCampaign, now: datetime) -> int | None:
    """Return how many letters may be printed now; None: no bound."""
    if campaign.per_hour is None:
        return None
    moved = delivery.count_moved(tx, campaign.campaign_ref, now)
    return compute_allowed_letters(campaign.per_hour, last_day=moved.letters)


def count_waiting_emails(tx: Transaction, campaign: SendingCampaign) -> int:
    """Return how many e-mails of a campaign wait."""
    return delivery.count_states(tx, campaign.campaign_ref).get(("email", "waiting"), 0)


def publish_in_spaces(office: Office, campaign: SendingCampaign, allowed: int | None) -> int:
    """Publish what is read in member spaces; return how many."""
    published = 0
    while not office.must_stop():
        most = SPACES_AT_ONCE if allowed is None else min(SPACES_AT_ONCE, allowed - published)
        if most <= 0:
            break
        with office.open_transaction() as tx:
            done = delivery.publish_in_spaces(tx, campaign.campaign_ref, most=most)
        published += done
        if not done:
            break
    return published


def read_progress(tx: Transaction, campaign_ref: int) -> Progress:
    """Return how far a campaign is, as measured in its last minutes.

    Raises:
        NotFound: there is no such campaign.
    """
    bounds = delivery.read_pace(tx, campaign_ref)
    if bounds is None:
        raise NotFound("there is no such campaign")
    counts = delivery.count_states(tx, campaign_ref)
    since = max(bounds.now - _MEASURED, bounds.started_at or bounds.now - _MEASURED)
    emails, letters = delivery.measure_speed(tx, campaign_ref, since=since)
    seconds = max(1.0, (bounds.now - since).total_seconds())
    speed = Speed(emails_per_s=emails / seconds, letters_per_s=letters / seconds)
    forecast = compute_forecast(
        emails=counts.get(("email", "waiting"), 0) + counts.get(("space", "waiting"), 0),
        letters=counts.get(("letter", "waiting"), 0),
        per_hour=bounds.per_hour,
        speed=speed,
        now=bounds.now,
    )
    return Progress(counts=counts, speed=speed, forecast=forecast)
