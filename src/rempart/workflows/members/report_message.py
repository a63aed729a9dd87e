"""A member sends their insurer a message that looks like a fraud; the insurer says what it is.

What was sent is sealed; an agent who opens it is on record first. Messages that share a link, a
number or their sentences are shown as one wave, and one answer reaches all who sent one. Refuses to
keep what a photograph says beside its image, and more than a few messages a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, cast

from rempart.accounts.permissions import Permission, check_can
from rempart.claims.disputes import clean_words
from rempart.disclosure.acts import Author, Subject
from rempart.exchange.photo_file import MEDIA_TYPES, Photo, PhotoKind
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.notices.suspicious import (
    Likeness,
    ReportMedium,
    ReportVerdict,
    clean_text,
    compute_likeness,
    group_alike,
    list_hosts,
    list_numbers,
)
from rempart.storage import suspicious
from rempart.storage.connect import Transaction
from rempart.storage.suspicious import ReportRow, StoredReport
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.claims.dispute_care import SealsWords, find_member, record_hearing
from rempart.workflows.ledger.read_on_record import Readings

__all__ = ["ReportRow"]

# How far back messages are compared, and how many at most.
WAVE_DAYS: Final = 90
MOST_COMPARED: Final = 5_000
OWN_DAYS: Final = 365
_ALL_OWN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """What a member sends: a text, a photograph, or both."""

    medium: ReportMedium
    came_on: date
    acted: bool
    text: str = field(repr=False)
    photo: Photo | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the member is told at once: the report's reference, and whether it is like a fraud."""

    report_ref: int
    is_like_fraud: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report as its two sides read it; `hosts` and `numbers` are those its text names."""

    report_ref: int
    made_at: datetime
    medium: ReportMedium
    came_on: date
    acted: bool
    text: str = field(repr=False)
    hosts: tuple[str, ...]
    numbers: tuple[str, ...]
    has_photo: bool
    verdict: ReportVerdict | None
    answer: str = field(repr=False)
    answered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Messages that are alike; `reports` are the newest first, `verdict` the last one given."""

    reports: tuple[ReportRow, ...]

    @property
    def waiting(self) -> int:
        """How many of them nobody answered."""
        return sum(one.verdict is None for one in self.reports)

    @property
    def acted(self) -> int:
        """How many who sent one did what it asked."""
        return sum(one.acted for one in self.reports)

    @property
    def verdict(self) -> str | None:
        """What was said last of one of them; None: nothing."""
        judged = [(one.answered_at, one.verdict) for one in self.reports if one.answered_at]
        return max(judged, key=lambda one: one[0])[1] if judged else None

    @property
    def media(self) -> tuple[str, ...]:
        """How they came, the most frequent first."""
        found = [one.medium for one in self.reports]
        return tuple(sorted(set(found), key=lambda one: (-found.count(one), one)))


def report_message(tx: Transaction, asker: Asker, seal: SealsWords, sent: NewReport) -> Taken:
    """Take what a member sends; tell them whether it is like a fraud the insurer knows.

    Raises:
        NotAllowed: they are no member.
        InvalidRequest: neither a text nor a photograph, a text that is too long, or a day to come.
        TooManyRequests: they, or all of the insurer's members, sent as much as is taken for now.
    """
    check_can(asker.visitor, Permission.REPORT_MESSAGE, now=asker.now)
    person_ref, insurer_id = find_member(asker)
    text = clean_text(sent.text)
    if not text and sent.photo is None:
        raise InvalidRequest("send the text of the message, or a photograph of it")
    if sent.came_on > asker.now.date() + timedelta(days=1):
        raise InvalidRequest("came_on: a day that has come")
    likeness = compute_likeness(text, key=seal.derive_marks_key(insurer_id))
    report_ref = draw_ref()
    photo = sent.photo
    suspicious.add_report(
        tx,
        report_ref=report_ref,
        insurer_id=insurer_id,
        person_ref=person_ref,
        made_at=asker.now,
        medium=sent.medium.value,
        came_on=sent.came_on,
        acted=sent.acted,
        message=seal.seal(insurer_id, "message", report_ref, text.encode()) if text else None,
        photo=photo and seal.seal(insurer_id, "photo", report_ref, photo.content),
        photo_kind=photo and photo.kind,
        marks=list(likeness.marks),
        sketch=likeness.sketch,
    )
    known = bool(likeness.marks) and suspicious.is_like_fraud(tx, likeness.marks)
    return Taken(report_ref=report_ref, is_like_fraud=known)


def list_own_reports(tx: Transaction, asker: Asker) -> list[ReportRow]:
    """Return what the member sent in the last year, the newest first.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.REPORT_MESSAGE, now=asker.now)
    since = asker.now - timedelta(days=OWN_DAYS)
    return suspicious.list_reports(tx, since=since, limit=_ALL_OWN)


def read_own_report(tx: Transaction, asker: Asker, seal: SealsWords, report_ref: int) -> Report:
    """Return one message the member sent, with what the insurer said of it.

    Raises:
        NotAllowed: they are no member.
        NotFound: there is no such report of theirs.
    """
    check_can(asker.visitor, Permission.REPORT_MESSAGE, now=asker.now)
    return _open(seal, _load(tx, report_ref))


def list_waves(tx: Transaction, asker: Asker) -> list[Wave]:
    """Return the messages reported of late, grouped: those that wait first, then the largest.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    since = asker.now - timedelta(days=WAVE_DAYS)
    # Of more than are compared, those that wait: or nobody would ever answer the first of a wave.
    found = suspicious.list_reports(tx, since=since, limit=MOST_COMPARED, waiting_first=True)
    rows = {one.report_ref: one for one in found}
    likeness: Mapping[int, Likeness] = {
        ref: Likeness(marks=tuple(map(bytes, one.marks)), sketch=bytes(one.sketch))
        for ref, one in rows.items()
    }
    waves = [
        Wave(reports=tuple(sorted((rows[ref] for ref in refs), key=_by_age)))
        for refs in group_alike(likeness)
    ]
    return sorted(waves, key=lambda one: (not one.waiting, -len(one.reports)))


def find_wave(tx: Transaction, asker: Asker, report_ref: int) -> Wave:
    """Return the messages that are like one.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such report for them, or it is too old.
    """
    for wave in list_waves(tx, asker):
        if any(one.report_ref == report_ref for one in wave.reports):
            return wave
    raise NotFound("no such report")


def read_report(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    seal: SealsWords,
    report_ref: int,
    *,
    by: Author,
) -> Report:
    """Return a message that a member of the asker's insurer sent, once that is on record.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such report for them; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    found = _load(tx, report_ref)
    subject = Subject(found.person_ref, found.insurer_id)
    record_hearing(readings, asker, subject, "suspicious-message", by=by)
    return _open(seal, found)


def read_photo(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    seal: SealsWords,
    report_ref: int,
    *,
    by: Author,
) -> tuple[str, bytes]:
    """Return the media type and the bytes of a photograph, once its reading is on record.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such photograph for them; nothing is recorded.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    check_can(asker.visitor, Permission.HEAR_MEMBERS, now=asker.now)
    found = suspicious.load_photo(tx, report_ref)
    if found is None:
        raise NotFound("no such photograph")
    subject = Subject(found.person_ref, found.insurer_id)
    record_hearing(readings, asker, subject, "suspicious-photo", by=by)
    content = seal.open(found.insurer_id, "photo", report_ref, found.photo)
    return MEDIA_TYPES[cast("PhotoKind", found.kind)], content


def answer_wave(
    tx: Transaction,
    asker: Asker,
    seal: SealsWords,
    report_ref: int,
    *,
    verdict: ReportVerdict,
    words: str,
) -> int:
    """Tell everybody who sent a message like this one what it is; return how many are told.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such report for them.
        InvalidRequest: too many words.
    """
    wave = find_wave(tx, asker, report_ref)
    insurer_id = asker.visitor.insurer_id
    if insurer_id is None:
        raise NotFound("no insurer behind this account")
    plain = clean_words(words, is_needed=False).encode()
    return sum(
        suspicious.answer_report(
            tx,
            one.report_ref,
            verdict=verdict.value,
            answer=seal.seal(insurer_id, "verdict", one.report_ref, plain) if plain else None,
            answered_by=asker.visitor.actor_ref,
            answered_at=asker.now,
        )
        for one in wave.reports
        if one.verdict is None
    )


def _load(tx: Transaction, report_ref: int) -> StoredReport:
    found = suspicious.load_report(tx, report_ref)
    if found is None:
        raise NotFound("no such report")
    return found


def _open(seal: SealsWords, found: StoredReport) -> Report:
    ref, insurer_id = found.report_ref, found.insurer_id
    text = seal.open(insurer_id, "message", ref, found.message).decode() if found.message else ""
    return Report(
        report_ref=ref,
        made_at=found.made_at,
        medium=ReportMedium(found.medium),
        came_on=found.came_on,
        acted=found.acted,
        text=text,
        hosts=list_hosts(text),
        numbers=list_numbers(text),
        has_photo=found.photo_kind is not None,
        verdict=None if found.verdict is None else ReportVerdict(found.verdict),
        answer=seal.open(insurer_id, "verdict", ref, found.answer).decode() if found.answer else "",
        answered_at=found.answered_at,
    )


def _by_age(one: ReportRow) -> tuple[float, int]:
    return (-one.made_at.timestamp(), one.report_ref)
