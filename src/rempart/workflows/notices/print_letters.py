"""Letters of a campaign, in batches for the printer: decided, then written, in that order.

A batch is rows first: its letters are in it and in no other, and a digest says what its file is.
The file comes after, whole or not at all, under a name of its own; killed in between, it is written
again with the same bytes under the same name, and a printer takes a name once. Refuses to print a
text that is not the one that was agreed to, what a newer package makes untrue, and to put two
addressees in one envelope.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from rempart.exchange.notice_letter import (
    Letter,
    PrintedBatch,
    clean_address,
    describe_batch,
    make_batch_archive,
    write_index,
)
from rempart.exchange.notice_printer import print_apart
from rempart.exchange.package_sealing import seal_file
from rempart.exchange.whole_file import write_whole
from rempart.incidents.sealing_keys import find_key_in_force
from rempart.kernel.errors import Conflict, InconsistentRecord, NotFound
from rempart.kernel.findings import BadValue
from rempart.notices.contacts import Channel
from rempart.notices.envelopes import EnvelopeKey
from rempart.notices.texts import EXERCISE_TEXT
from rempart.storage import notice_delivery as delivery
from rempart.storage import packages
from rempart.storage.connect import Transaction
from rempart.storage.notice_delivery import (
    DecidedBatch,
    NewBatch,
    SendingCampaign,
    WaitingLetter,
)
from rempart.workflows.notices.campaign_text import Rendered, Writer, open_writer
from rempart.workflows.notices.deliver_email import can_be_posted
from rempart.workflows.notices.pace_campaign import Office

BATCH_LETTERS: Final = 250
ENVELOPE_LETTERS: Final = 6
"""An envelope takes no more; the next letters of a household go in another."""
FIRST: Final = b""
SEALED: Final = ".zip.p7m"
"""The copy that only the insurer opens: letters and their list."""
_SUFFIXES: Final = (".csv", ".pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """What it takes to print.

    Args:
        directory: Where files go: the printer's channel takes them from there.
        key: Writes the references that windows show.
        operator: Written in the files' properties.
        processes: How many batches are printed at the same time.
        batch_letters: How many letters a batch has, about.
    """

    directory: Path
    key: EnvelopeKey
    operator: str
    processes: int = 2
    batch_letters: int = BATCH_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedLetters:
    """What was printed."""

    batches: int
    letters: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """Letters about to be a batch."""

    campaign: SendingCampaign
    number: int
    made_at: datetime
    letters: list[Letter]


def print_campaign(
    office: Office, press: Press, campaign: SendingCampaign, *, allowed: int | None
) -> PrintedLetters:
    """Print the letters of a campaign that wait, until none does or it is time to stop.

    Args:
        office: What deliveries work with.
        press: What it takes to print.
        campaign: Under way.
        allowed: How many letters may be printed; None: no bound.

    Raises:
        Conflict: somebody else prints this campaign; nothing of the batch is decided.
    """
    batches = letters = 0
    after = FIRST
    with office.open_transaction() as tx:
        writer = open_writer(tx, office.kms, campaign.campaign_ref)
        _hold_unhoused(tx, campaign)
    with ThreadPoolExecutor(press.processes) as pool:
        while not office.must_stop():
            left = None if allowed is None else allowed - letters
            with office.open_transaction() as tx:
                drafts, after = _draft(tx, office, press, campaign, writer, after=after, most=left)
            if not drafts:
                break
            printed = pool.map(lambda one: _print(one, press), drafts)
            for draft, batch in zip(drafts, printed, strict=True):
                with office.open_transaction() as tx:
                    decided = _decide(tx, draft, batch)
                # A crash here leaves a batch that is decided and on no disk: `write_batches`.
                _write(office, press, decided, draft.letters, batch)
                batches += 1
                letters += len(draft.letters)
                office.tell(letters)
    return PrintedLetters(batches=batches, letters=letters)


def write_batches(office: Office, press: Press) -> int:
    """Write the files of batches that were decided and are not known to be on the disk.

    Returns:
        How many are known to be there now.

    Raises:
        InconsistentRecord: a batch cannot be printed as it was decided; the others are written.
    """
    with office.open_transaction() as tx:
        unwritten = delivery.list_unwritten(tx)
    written = 0
    for decided in unwritten:
        if _is_there(press, decided):
            _finish(office, press, decided)
            written += 1
            continue
        try:
            with office.open_transaction() as tx:
                letters = _rewrite(tx, office, press, decided)
        except BadValue:  # somebody of this batch has no address any more; the others are written
            continue
        data = describe_batch(letters, batch=decided.number, operator=press.operator)
        batch = print_apart(data, made_at=decided.made_at)
        if hashlib.sha256(batch.pdf).digest() == decided.digest:
            _write(office, press, decided, letters, batch)
            written += 1
    if written < len(unwritten):
        raise InconsistentRecord(
            f"{len(unwritten) - written} batches of letters are not printed as they were decided: "
            "another release, or other contacts; `rempart notice batches` says which, see whether "
            "the printer has them"
        )
    return written


def post_batch(tx: Transaction, campaign_ref: int, number: int, *, by: int) -> int:
    """Write that a batch was handed to the post; return how many letters went.

    Raises:
        NotFound: there is no such batch that was printed and not posted.
    """
    posted = delivery.post_batch(tx, campaign_ref, number, by=by)
    if not posted:
        raise NotFound("no such batch that was printed and not posted")
    return posted


def fill_envelopes(letters: Sequence[WaitingLetter]) -> Iterator[tuple[int, int]]:
    """Yield the envelope and the place in it of each letter.

    Args:
        letters: Household after household, which is one addressee at one address.

    Examples:
        >>> lou, leo = b"l" * 16, b"m" * 16
        >>> waiting = [WaitingLetter(1, lou), WaitingLetter(2, lou), WaitingLetter(3, leo)]
        >>> list(fill_envelopes(waiting))
        [(1, 1), (1, 2), (2, 1)]
    """
    envelope = 0
    for _, group in groupby(letters, key=lambda one: one.household):
        for place, _ in enumerate(group):
            envelope += place % ENVELOPE_LETTERS == 0
            yield envelope, place % ENVELOPE_LETTERS + 1


def _draft(
    tx: Transaction,
    office: Office,
    press: Press,
    campaign: SendingCampaign,
    writer: Writer,
    *,
    after: bytes,
    most: int | None,
) -> tuple[list[_Draft], bytes]:
    """Take the next letters, for as many batches as are printed at a time."""
    wanted = press.batch_letters * press.processes
    if most is not None:
        wanted = min(wanted, most)
    good: list[WaitingLetter] = []
    written: dict[int, Rendered] = {}
    while wanted > 0 and not good:
        found = delivery.list_letters(tx, campaign.campaign_ref, after=after, most=wanted + 1)
        if not found:
            break
        waiting = _cut_whole(found, wanted)
        after = waiting[-1].household
        written = {one.number: one for one in writer.write(tx, [one.number for one in waiting])}
        untrue = delivery.list_untrue(tx, list(written))
        faults = {number: _find_fault(one, untrue) for number, one in written.items()}
        good = [one for one in waiting if not faults[one.number]]
        bad = [(number, "held", fault) for number, fault in faults.items() if fault]
        delivery.set_states(tx, bad, before=("waiting",))
    number = delivery.find_next_batch_number(tx, campaign.campaign_ref)
    made_at = office.now().replace(microsecond=0)
    drafts = [
        _Draft(campaign, number + place, made_at, make_letters(part, written, press.key))
        for place, part in enumerate(_split(good, press.batch_letters))
    ]
    return drafts, after


def _cut_whole(found: list[WaitingLetter], wanted: int) -> list[WaitingLetter]:
    """Leave the last household for the next time, unless it is all there or alone."""
    if len(found) <= wanted:
        return found
    last = found[-1].household
    whole = [one for one in found if one.household != last]
    return whole or found[:wanted]


def _split(letters: Sequence[WaitingLetter], size: int) -> Iterator[list[WaitingLetter]]:
    """Yield batches: households are not cut, so that a batch may be a little longer."""
    part: list[WaitingLetter] = []
    for _, group in groupby(letters, key=lambda one: one.household):
        part.extend(group)
        if len(part) >= size:
            yield part
            part = []
    if part:
        yield part


def make_letters(
    waiting: Sequence[WaitingLetter], written: Mapping[int, Rendered], key: EnvelopeKey
) -> list[Letter]:
    """Return letters ready to print, each in its envelope.

    Args:
        waiting: Household after household.
        written: What each says, by number.
        key: Writes the references that windows show.

    Raises:
        BadValue: an address cannot be printed.
    """
    letters = []
    # Who moved since the campaign was prepared has an envelope of their own.
    now = [one._replace(household=written[one.number].household or b"") for one in waiting]
    for one, (envelope, place) in zip(waiting, fill_envelopes(now), strict=True):
        said = written[one.number]
        letters.append(
            Letter(
                number=one.number,
                reference=key.post_reference(one.number),
                sender=said.sender.name,
                sender_address=said.sender.post_address,
                address=clean_address(said.address),
                notice=said.notice,
                language=said.language,
                variant=said.variant,
                envelope=envelope,
                place=place,
                note=EXERCISE_TEXT[said.language] if said.exercise else "",
            )
        )
    return letters


def _find_fault(said: Rendered, untrue: Collection[int]) -> str:
    """Return why a letter is not printed; empty: it is."""
    if said.bar is not None:
        return said.bar.value
    if said.number in untrue:
        return "package_changed"
    if not said.is_as_prepared:
        return "text_changed"
    return "" if can_be_posted(said) else "address_unprintable"


def _print(draft: _Draft, press: Press) -> PrintedBatch:
    data = describe_batch(draft.letters, batch=draft.number, operator=press.operator)
    return print_apart(data, made_at=draft.made_at)


def _decide(tx: Transaction, draft: _Draft, batch: PrintedBatch) -> DecidedBatch:
    new = NewBatch(
        batch_ref=secrets.randbits(62) + 1,
        campaign_ref=draft.campaign.campaign_ref,
        insurer_id=draft.campaign.insurer_id,
        number=draft.number,
        letters=len(draft.letters),
        pages=sum(batch.pages),
        digest=hashlib.sha256(batch.pdf).digest(),
        made_at=draft.made_at,
    )
    delivery.insert_batch(tx, new)
    moved = delivery.print_messages(tx, new.batch_ref, [one.number for one in draft.letters])
    if moved != len(draft.letters):
        raise Conflict("some of these letters are printed by somebody else, or not at all")
    return DecidedBatch(
        *(new.batch_ref, new.campaign_ref, new.insurer_id, new.number, new.digest, new.made_at)
    )


def _write(
    office: Office,
    press: Press,
    decided: DecidedBatch,
    letters: Sequence[Letter],
    batch: PrintedBatch,
) -> None:
    """Write the files of a batch, then that they are written."""
    # The list first: who finds the letters finds what goes with them.
    index = write_index(letters, batch.pages, batch=decided.number)
    stem = name_batch(decided.campaign_ref, decided.number)
    for suffix, content in zip(_SUFFIXES, (index, batch.pdf), strict=True):
        with write_whole(press.directory / f"{stem}{suffix}") as file:
            file.write(content)
    _finish(office, press, decided)


def _finish(office: Office, press: Press, decided: DecidedBatch) -> None:
    """Seal a copy of a batch for its insurer, where it has a certificate; say it is written."""
    with office.open_transaction() as tx:
        keys = packages.list_keys_to_seal(tx, decided.insurer_id)
    key = find_key_in_force(keys, at=office.now())
    if key is not None:
        stem = press.directory / name_batch(decided.campaign_ref, decided.number)
        content = make_batch_archive(
            [(stem.name + suffix, Path(f"{stem}{suffix}").read_bytes()) for suffix in _SUFFIXES]
        )
        with write_whole(Path(f"{stem}{SEALED}")) as file:
            file.write(seal_file(key.certificate, content))
    # A crash here leaves files of a batch that is not said to be written: `write_batches`.
    with office.open_transaction() as tx:
        fingerprint = None if key is None else key.fingerprint
        delivery.set_written(tx, decided.batch_ref, sealed_for=fingerprint)


def _is_there(press: Press, decided: DecidedBatch) -> bool:
    """Tell whether the file of a batch is on the disk, whole."""
    path = press.directory / f"{name_batch(decided.campaign_ref, decided.number)}.pdf"
    try:
        return hashlib.sha256(path.read_bytes()).digest() == decided.digest
    except FileNotFoundError:
        return False


def name_batch(campaign_ref: int, number: int) -> str:
    """Return what the files of a batch are called, before their suffix."""
    return f"campaign-{campaign_ref}-batch-{number}"


def _rewrite(tx: Transaction, office: Office, press: Press, decided: DecidedBatch) -> list[Letter]:
    """Write again the letters of a batch that was decided."""
    waiting = delivery.list_batch(tx, decided.batch_ref)
    writer = open_writer(tx, office.kms, decided.campaign_ref)
    written = writer.write(tx, [one.number for one in waiting], channel=Channel.LETTER)
    return make_letters(waiting, {one.number: one for one in written}, press.key)


def _hold_unhoused(tx: Transaction, campaign: SendingCampaign) -> None:
    while numbers := delivery.list_unhoused(tx, campaign.campaign_ref, most=1000):
        rows = [(number, "held", "no_address") for number in numbers]
        delivery.set_states(tx, rows, before=("waiting",))
