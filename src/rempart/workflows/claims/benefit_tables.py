"""What an insurer's contracts pay: files proposed by one person, approved by another, tried before.

Refuses a file that could not be read to its end, a choice that leads nowhere, and one person alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import are_apart
from rempart.claims.adjudication import AdjudicatedLine, Contract, adjudicate_claim
from rempart.claims.benefit_table import BenefitTable
from rempart.claims.book import ApprovedFile, TableBook
from rempart.claims.counters import Counters
from rempart.claims.responsible import FIRST_DAY, check_responsible, list_circuits
from rempart.exchange.benefit_file import TablesRead, read_benefit_tables
from rempart.exchange.regression_file import RegressionCase
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.findings import Finding, Language
from rempart.kernel.periods import Period
from rempart.storage import benefit_tables
from rempart.storage.benefit_tables import FileRow
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref

__all__ = ["FileRow", "TablesRead", "read_benefit_tables"]

MOST_LETTERS: Final = 500
# What is asked of one file on a page: a second at most, some 300 tables that name no network.
MOST_ASKED: Final = 60_000
# What a table costs to ask besides its rows, in rows.
_ROWS_OF_A_TABLE: Final = 170
# Delays of renewal are counted from the day of care: years have four digits.
_KNOWN: Final = Period(FIRST_DAY, date(2099, 12, 31))


class Tried(NamedTuple):
    """One line of a case, by the tables in force and by those proposed.

    Attributes:
        case: Its name.
        line: Number of its line.
        expected_cents: What the pack says; None when it does not.
        now_cents: What the contract pays now; None when no table has the case's code.
        then_cents: What it would pay.
    """

    case: str
    line: int
    expected_cents: int | None
    now_cents: int | None
    then_cents: int | None

    @property
    def is_right(self) -> bool:
        """Tell whether the proposal pays what the pack expects."""
        return self.expected_cents is None or self.expected_cents == self.then_cents

    @property
    def differs(self) -> bool:
        """Tell whether the proposal changes it."""
        return self.now_cents != self.then_cents


class Judged(NamedTuple):
    """A table that calls itself responsible, the day of care it was asked about, what is wrong."""

    table: BenefitTable
    day: date
    findings: Sequence[Finding]

    @property
    def faults(self) -> Mapping[tuple[str, str, str], Sequence[str]]:
        """What is wrong (message, advice, rule), with the codes of the acts it is found of."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for one in self.findings:
            found.setdefault((one.message, one.advice, one.rule), []).append(one.field)
        return found


class Judgement(NamedTuple):
    """What is found of the tables that call themselves responsible. It warns and blocks nothing.

    Attributes:
        judged: Those that were asked, by code and first day.
        unknown: How many hold on no day whose rules are known.
        left: How many were one too many to ask.
    """

    judged: Sequence[Judged]
    unknown: int
    left: int

    @property
    def total(self) -> int:
        """How many findings there are."""
        return sum(len(one.findings) for one in self.judged)

    @property
    def wrong(self) -> Sequence[Judged]:
        """The tables with findings."""
        return [one for one in self.judged if one.findings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A file somebody proposes: of which insurer, its content, and why."""

    insurer_id: int
    content: bytes
    note: str = ""


def propose_benefits(tx: Transaction, asker: Asker | None, proposal: Proposal) -> int:
    """Propose what contracts pay; return the file's reference. Nothing changes yet.

    Args:
        tx: A transaction with the asker's ticket, or one of the settler.
        asker: An agent of the insurer; None for the command line.
        proposal: The file.

    Raises:
        NotAllowed: their role does not, or the insurer is not theirs.
        InvalidRequest: the file has findings, or a choice leads to no table.
    """
    by_ref = None
    if asker is not None:
        check_can(asker.visitor, Permission.PROPOSE_BENEFITS, now=asker.now)
        by_ref = asker.visitor.actor_ref
        if asker.visitor.insurer_id != proposal.insurer_id:
            raise NotAllowed("benefit tables are their insurer's to propose")
    if len(proposal.note) > MOST_LETTERS:
        raise InvalidRequest(f"note: at most {MOST_LETTERS} letters")
    read = read_benefit_tables(proposal.content)
    if read.findings:
        found = read.findings[0]
        raise InvalidRequest(f"{found.field}: {found.message} {found.advice}")
    known = {*load_book(tx, proposal.insurer_id).list_codes(), *(t.code for t in read.tables)}
    if lost := sorted({choice.table for choice in read.choices} - known):
        raise InvalidRequest(f"choice: there is no table {lost[0]}; give it in the same file")
    file_ref = draw_ref()
    benefit_tables.add_file(
        tx,
        file_ref=file_ref,
        insurer_id=proposal.insurer_id,
        content=proposal.content.decode(),
        note=proposal.note,
        by_ref=by_ref,
    )
    return file_ref


def approve_benefits(tx: Transaction, asker: Asker | None, file_ref: int, *, now: datetime) -> None:
    """Be the second person: claims shared out from now on are paid by the file's tables.

    Raises:
        NotFound: there is no such file for them.
        NotAllowed: they proposed it, or they are no second person beside whoever did.
        Conflict: it was decided already.
    """
    row = _take(tx, file_ref)
    if asker is None:
        # The machine is one person: what it proposed, somebody of the insurer approves.
        if row.proposed_by is None:
            raise NotAllowed("what the command line proposed is approved in the insurer's pages")
        benefit_tables.decide(tx, file_ref, state="approved", by_ref=None)
        return
    check_can(asker.visitor, Permission.APPROVE_BENEFITS, now=asker.now)
    by_ref = asker.visitor.actor_ref
    if row.proposed_by is not None:
        people = list_entitled(tx, asker.visitor.org_ref, Permission.APPROVE_BENEFITS)
        at = row.proposed_at
        if not are_apart(people, row.proposed_by, by_ref, asked_at=at, at=now):
            raise NotAllowed("a second person approves, who did not arrive with the first")
    benefit_tables.decide(tx, file_ref, state="approved", by_ref=by_ref)


def install_benefits(tx: Transaction, proposal: Proposal) -> int:
    """Put tables in force from the machine, for an insurer that has none yet; return the file.

    Raises:
        Conflict: the insurer has tables: two people change them.
        InvalidRequest: the file has findings.
    """
    if load_book(tx, proposal.insurer_id).list_codes():
        raise Conflict("this insurer has benefit tables: two people change them")
    file_ref = propose_benefits(tx, None, proposal)
    benefit_tables.decide(tx, file_ref, state="approved", by_ref=None)
    return file_ref


def refuse_benefits(tx: Transaction, asker: Asker, file_ref: int) -> None:
    """Refuse a colleague's file, or withdraw one's own.

    Raises:
        NotFound: there is no such file for them.
        NotAllowed: their role does not.
        Conflict: it was decided already.
    """
    check_can(asker.visitor, Permission.PROPOSE_BENEFITS, now=asker.now)
    row = _take(tx, file_ref)
    by_ref = asker.visitor.actor_ref
    state = "withdrawn" if row.proposed_by == by_ref else "refused"
    benefit_tables.decide(tx, file_ref, state=state, by_ref=by_ref)


def list_benefit_files(tx: Transaction, insurer_id: int | None = None) -> list[FileRow]:
    """Return the files that the asker may see, the newest first; those of one insurer, or all."""
    return benefit_tables.list_files(tx, insurer_id)


def load_book(tx: Transaction, insurer_id: int) -> TableBook:
    """Return an insurer's tables in force."""
    rows = [row for row in benefit_tables.list_files(tx, insurer_id) if row.state == "approved"]
    return TableBook(
        _approve(row.content.encode(), row.decided_at or row.proposed_at) for row in rows
    )


def simulate_benefits(
    book: TableBook, content: bytes, cases: Sequence[RegressionCase], *, now: datetime
) -> list[Tried]:
    """Try a file before it is approved: each line of each case, as it is paid and as it would be.

    Args:
        book: The tables in force.
        content: The file proposed.
        cases: The regression pack.
        now: When it would be approved.
    """
    proposed = book.with_file(_approve(content, now))
    return [tried for case in cases for tried in _try(case, book, proposed)]


def judge_tables(
    tables: Iterable[BenefitTable],
    *,
    today: date,
    language: Language = "fr",
    most: int | None = None,
) -> Judgement:
    """Ask tables that call themselves responsible whether they are (S130).

    Each is asked about care of today; of its first day when it has not begun, of its last one when
    it is over.

    Args:
        tables: Of a file.
        today: In Paris.
        language: Of the findings.
        most: The most to ask, in rows read; None for no end.
    """
    claimed = [table for table in tables if table.responsible]
    known = [table for table in claimed if table.period.overlaps(_KNOWN)]
    judged: list[Judged] = []
    asked = 0
    for table in sorted(known, key=lambda one: (one.code, one.period.starts_on)):
        asked += (1 + len(list_circuits(table))) * (_ROWS_OF_A_TABLE + len(table.benefits))
        if most is not None and asked > most:
            break
        day = max(table.period.starts_on, min(table.period.ends_on, today), FIRST_DAY)
        judged.append(Judged(table, day, check_responsible(table, day, language=language)))
    return Judgement(judged, len(claimed) - len(known), len(known) - len(judged))


def _try(case: RegressionCase, book: TableBook, proposed: TableBook) -> Iterator[Tried]:
    now, then = _share(case, book), _share(case, proposed)
    for line in case.claim.lines:
        number = line.number
        expected = case.expected_cents.get(number)
        yield Tried(case.name, number, expected, now.get(number), then.get(number))


def _share(case: RegressionCase, book: TableBook) -> Mapping[int, int]:
    """Return what a table pays of each line of a case; nothing without a table."""
    table = book.find_code(case.table, case.claim.lines[0].care_date)
    if table is None:
        return {}
    contract = Contract(table, case.joined_on, Counters())
    lines: Iterable[AdjudicatedLine] = adjudicate_claim(case.claim, (contract,), Counters()).lines
    return {one.line.number: one.amc_cents for one in lines}


def _approve(content: bytes, at: datetime) -> ApprovedFile:
    read = read_benefit_tables(content)
    return ApprovedFile(approved_at=at, tables=read.tables, choices=read.choices)


def _take(tx: Transaction, file_ref: int) -> FileRow:
    row = benefit_tables.load_file(tx, file_ref)
    if row is None:
        raise NotFound("no such file of benefit tables")
    if row.state != "proposed":
        raise Conflict(f"this file is {row.state}: propose another one")
    return row
