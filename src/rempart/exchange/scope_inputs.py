"""The small files of a scope: stolen accounts, claims, insurers, contracts, addresses.

CSV with a header and `;`, `,` or tabs, in UTF-8 or Windows-1252. Refuses a file it cannot read
whole: a line that is not understood could be the account that matters.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from rempart.exchange.feed_file import compute_digest
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import FeedRefused, RempartError
from rempart.kernel.findings import BadValue
from rempart.kernel.periods import OPEN_END

MAX_BYTES: Final = 1 << 28
SINCE_EVER: Final = date(1900, 1, 1)
_DELIMITERS: Final = (";", "\t", ",")
_YES: Final = frozenset({"1", "yes", "oui", "true", "vrai", "x"})
Network: TypeAlias = IPv4Network | IPv6Network


class ScopeRefused(RempartError):
    """A file beside the logs cannot be used, or the answer cannot be placed; nothing was made."""

    code = "scope_refused"


class StolenAccount(NamedTuple):
    """One line of the list of accounts.

    `session` is the log's own name of a session that the operator confirmed stolen; empty when the
    line is about the account.
    """

    line: int
    account: str
    session: str


class Claim(NamedTuple):
    """One claim: by whom, about whom as the logs would say it, the day of care."""

    account: str
    person: str
    care_date: date


class ContractRule(NamedTuple):
    """A contract that is routed through the operator, or the beginning of such contracts."""

    amc: str
    contract: str
    is_prefix: bool


class ListedInsurer(NamedTuple):
    """One line of insurers.csv; `via` is the chain of processors, nearest to the insurer first."""

    insurer_id: str
    amc: str
    name: str
    agreed_from: date
    agreed_to: date
    via: str


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that the answer depends on, by name, use and content."""

    use: str
    name: str
    sha256: str
    rows: int


def read_accounts(path: Path) -> list[StolenAccount]:
    """Read the list of stolen accounts: a column `account`, and `session` if wanted.

    A file of one column without a header is a list of accounts.

    Raises:
        ScopeRefused: it cannot be read, or names nobody.
    """
    rows = list(_read_rows(path, needed=(), named=("account", "session", "confirmed")))
    found = []
    for line, row in rows:
        account = row.get("account", "").strip()
        session = row.get("session", "").strip()
        confirmed = row.get("confirmed")
        if confirmed is not None and session and confirmed.strip().lower() not in _YES:
            session = ""
        if not account:
            if any(value.strip() for value in row.values()):
                raise ScopeRefused(f"{path.name}, line {line}: there is no account; add it")
            continue
        found.append(StolenAccount(line, account, session))
    if not found:
        raise ScopeRefused(f"{path.name} names no account: write one on each line")
    return found


def read_claims(path: Path) -> Iterator[Claim]:
    """Read claims: columns `account`, `person`, `date` (the day of care).

    Raises:
        ScopeRefused: a line cannot be read.
    """
    for line, row in _read_rows(path, needed=("account", "person", "date")):
        try:
            day = date.fromisoformat(row["date"].strip())
        except ValueError as bad:
            raise ScopeRefused(
                f"{path.name}, line {line}: the date is not YYYY-MM-DD; correct it"
            ) from bad
        yield Claim(row["account"].strip(), row["person"].strip(), day)


def read_contract_rules(path: Path) -> list[ContractRule]:
    """Read which contracts go through the operator: columns `amc_number`, `contract_number`.

    A contract that ends with `*` is the beginning of contracts. An insurer that is not in the file
    has all its contracts routed.

    Raises:
        ScopeRefused: a line cannot be read.
    """
    rules = []
    for line, row in _read_rows(path, needed=("amc_number", "contract_number")):
        contract = row["contract_number"].strip()
        if not contract.rstrip("*"):
            raise ScopeRefused(f"{path.name}, line {line}: there is no contract; add it")
        amc = _read_amc(path, line, row["amc_number"])
        rules.append(ContractRule(amc, contract.rstrip("*"), contract.endswith("*")))
    return rules


def read_listed_insurers(path: Path) -> list[ListedInsurer]:
    """Read insurers: `amc_number`, `name`, and `insurer_id`, agreement dates, `via` if wanted.

    Raises:
        ScopeRefused: a line cannot be read.
    """
    return [
        ListedInsurer(
            row.get("insurer_id", "").strip(),
            _read_amc(path, line, row["amc_number"]),
            row["name"].strip(),
            _read_day(path, line, row.get("agreement_start", "")) or SINCE_EVER,
            _read_day(path, line, row.get("agreement_end", "")) or OPEN_END,
            row.get("via", "").strip(),
        )
        for line, row in _read_rows(path, needed=("amc_number", "name"))
    ]


def read_addresses(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read addresses of the attack, single ones or networks such as 203.0.113.0/24.

    Raises:
        ScopeRefused: one is not an address.
    """
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError as bad:
            raise ScopeRefused(
                "--attack-address: write an address or a network, such as 203.0.113.0/24"
            ) from bad
    return tuple(networks)


def describe_file(use: str, path: Path, rows: int) -> InputFile:
    """Return what a method says of a file: its name, not its folder, and its digest."""
    try:
        return InputFile(use, path.name, compute_digest(path).hex(), rows)
    except FeedRefused as failure:
        raise ScopeRefused(str(failure)) from failure


def _read_rows(
    path: Path, *, needed: Sequence[str], named: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the cells of each row, by column; a list of one column needs no header."""
    text = _read_text(path)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        missing = [name for name in needed if name not in header]
        if missing:
            raise ScopeRefused(
                f"{path.name} lacks columns: {', '.join(missing)}. Its first line names the columns"
            )
        if named and not set(named[:1]) & set(header):
            if len(header) > 1:
                raise ScopeRefused(f"{path.name} lacks the column {named[0]}: name the columns")
            header = [named[0]]
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        for cells in reader:
            if cells and len(cells) != len(header):
                raise ScopeRefused(
                    f"{path.name}, line {reader.line_num}: {len(cells)} cells where the header has "
                    f"{len(header)}; correct the line"
                )
            if cells:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as bad:
        raise ScopeRefused(
            f"{path.name}, line {reader.line_num}: quotes do not match; correct the line"
        ) from bad


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise ScopeRefused(f"{path} cannot be read: {failure.strerror}") from failure
    if len(data) > MAX_BYTES:
        raise ScopeRefused(f"{path.name} is over {MAX_BYTES >> 20} MB: split it")
    if b"\0" in data:
        raise ScopeRefused(f"{path.name} is not text: save it as CSV in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _read_amc(path: Path, line: int, text: str) -> str:
    try:
        return AmcNumber.parse(text).number
    except BadValue as bad:
        raise ScopeRefused(
            f"{path.name}, line {line}: amc_number does not have 8 to 10 digits; correct it"
        ) from bad


def _read_day(path: Path, line: int, text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError as bad:
        raise ScopeRefused(
            f"{path.name}, line {line}: a date of agreement is not YYYY-MM-DD; correct it"
        ) from bad
