"""Any portal's logs in, persons × fields × sessions × tier out, by insurer; no server is needed.

Refuses to exclude anybody by what it does not know: a hole in the logs, a screen nobody described,
an account that may be misspelt leave everybody uncertain who is not ruled out by a date or a
contract. Nothing of an installation is read or changed.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Literal, TypeAlias

import duckdb

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_facts import SourcesRead
from rempart.exchange.foreign_mapping import read_mapping
from rempart.exchange.scope_files import check_can_place, making_answer
from rempart.exchange.scope_inputs import (
    InputFile,
    Network,
    ScopeRefused,
    StolenAccount,
    describe_file,
    read_accounts,
    read_claims,
    read_contract_rules,
    read_listed_insurers,
)
from rempart.exchange.scope_registry import RegistryFeed, list_feeds
from rempart.incidents.evidence import Window
from rempart.storage import scope
from rempart.storage.analytics import Means
from rempart.storage.scope import Bounds, Insurer, Measures
from rempart.storage.scope_engine import FactsEngine, open_facts, open_scratch
from rempart.storage.scope_reasons import Reason
from rempart.tariffs.parameters import value_on
from rempart.workflows.scope.accounts import Match, MatchedAccount, NearAccount, match_accounts
from rempart.workflows.scope.answer import Change, write_answer
from rempart.workflows.scope.figures import Answer, Figures
from rempart.workflows.scope.read_foreign_logs import read_sources
from rempart.workflows.scope.sessions import JudgedSession, Known, judge_foreign_sessions

Language: TypeAlias = Literal["fr", "en"]
Show: TypeAlias = Callable[[str, float | None], None]
"""Called with what is being done, and how much of it is, from 0 to 1; None when nobody knows."""

# As in incidents of our own; the parameter has one value since the first of them.
CLAIM_DAYS: Final = value_on("claim_follows_days", date(2024, 1, 1))
# What people of one contract share: typed for one of them, it was known of the others.
SHARED_FIELDS: Final = Field.NIR | Field.INSURER | Field.CONTRACT_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to answer from, and where.

    Args:
        logs: Files, folders or patterns of the portal's logs.
        mapping: The mapping file that says what they mean.
        accounts: The list of stolen accounts.
        out: The folder of the answer.
        work: The folder of what was read; kept when interrupted, so that the next run goes on.
        keeps_work: Whether it is kept after the answer too, for the next question.
        registry: Feeds, or folders of them; none: persons are told as the logs name them.
        insurers: insurers.csv, when it is not beside the feeds.
        contracts: Which contracts are routed through the operator; None: all are.
        claims: Claims that explain look-ups; None: nobody knows.
        window: When the attack was; None: all the logs.
        attack_addresses: Addresses and networks of the attack.
        accounts_checked: Whether accounts that are not in the logs are known to be spelt right.
        since: An earlier answer to compare with.
        claim_days: A claim explains a look-up of so many days before.
        means: What the engines may use.
        language: Of the report.
        force: Whether an answer that is there may be replaced.
    """

    logs: Sequence[str]
    mapping: Path
    accounts: Path
    out: Path
    work: Path
    keeps_work: bool = False
    registry: Sequence[Path] = ()
    insurers: Path | None = None
    contracts: Path | None = None
    claims: Path | None = None
    window: Window | None = None
    attack_addresses: tuple[Network, ...] = ()
    accounts_checked: bool = False
    since: Path | None = None
    claim_days: int = CLAIM_DAYS
    means: Means = field(default_factory=Means)
    language: Language = "fr"
    force: bool = False


def scope_logs(request: Request, show: Show) -> tuple[Answer, Figures, list[Change]]:
    """Answer, write the folder, and return what the command line tells.

    Returns:
        What the answer rests on, its figures, and what changed since the earlier one.

    Raises:
        LogsRefused: the logs or their mapping cannot be used.
        ScopeRefused: a file beside them cannot be used, or the folder cannot be replaced.
        FeedRefused: a feed of the registry cannot be read.
        Unavailable: disk, memory or cluster; run it again and it goes on.
    """
    check_can_place(request.out, force=request.force)
    mapping = read_mapping(request.mapping)
    stolen = read_accounts(request.accounts)
    read = read_sources(
        request.logs,
        mapping,
        request.work,
        progress=lambda p: show(f"reading {p.name}", p.done_bytes / max(1, p.total_bytes)),
    )
    with open_scratch(request.work, request.means) as connection:
        scope.prepare(connection)
        inputs = [
            describe_file("mapping", request.mapping, len(mapping.views)),
            describe_file("accounts", request.accounts, len(stolen)),
            *load_registry(request, connection, show),
        ]
        answer = _find_exposed(request, connection, read, stolen, inputs, show)
        show("writing the answer", None)
        with making_answer(request.out) as folder:
            figures, changes = write_answer(
                answer, connection, folder, language=request.language, since=request.since
            )
    if not request.keeps_work:
        shutil.rmtree(request.work, ignore_errors=True)
    return answer, figures, changes


def _find_exposed(
    request: Request,
    connection: duckdb.DuckDBPyConnection,
    read: SourcesRead,
    stolen: Sequence[StolenAccount],
    inputs: Sequence[InputFile],
    show: Show,
) -> Answer:
    """Judge the sessions of the accounts and give everybody of the registry a tier."""
    show("asking the logs", None)
    with open_facts(connection, read.facts_glob, request.means) as engine:
        logged, bounds = scope.read_logs(engine, connection)
        window = decide_window(request.window, bounds)
        matched = match_accounts(
            stolen, [one.account for one in logged], lambda a, d: _find_near(connection, a, d)
        )
        judged = _judge(request, engine, connection, read, matched, bounds, window)
    show("finding the persons", None)
    insurers = scope.settle_registry(connection, window=window)
    strange = scope.find_exposed(
        connection,
        [
            (
                one.label.session_ref,
                str(one.verdict.verdict),
                one.verdict.usual_place,
                one.verdict.is_overruled,
            )
            for one in judged
        ],
        measures=_measure(request, read),
    )
    # Without a registry, no numbering is another one.
    strange = strange if insurers else 0
    doubts = decide_doubts(request, read, bounds, matched, window=window, strange=strange)
    doubts |= Reason(scope.find_general_doubt(connection))
    scope.settle_answer(connection, doubts=doubts)
    return Answer(
        window=window,
        declared_window=request.window is not None,
        read=read,
        mapping_fields=read.own_fields,
        inputs=inputs,
        matched=matched,
        judged=judged,
        insurers=insurers,
        doubts=doubts,
        claim_days=request.claim_days if request.claims else None,
        attack_addresses=len(request.attack_addresses),
        engine="spark" if request.means.spark else "duckdb",
    )


def decide_window(asked: Window | None, bounds: Bounds) -> Window:
    """Return the window of the attack: the one asked for, or all that the logs tell.

    Raises:
        ScopeRefused: the logs tell nothing.
    """
    if asked is not None:
        return asked
    if bounds.first_ms is None or bounds.last_ms is None:
        raise ScopeRefused(
            "the mapping finds nothing in these logs: see with `rempart scope map` what it makes "
            "of a sample, or give --from and --to"
        )
    return Window(starts_ms=bounds.first_ms, ends_ms=bounds.last_ms + 1)


def decide_doubts(
    request: Request,
    read: SourcesRead,
    bounds: Bounds,
    matched: Sequence[MatchedAccount],
    *,
    window: Window,
    strange: int,
) -> Reason:
    """Say why nobody can be excluded by the logs; nothing when they are whole.

    Args:
        request: What was asked.
        read: What was read, with its gaps.
        bounds: What the logs hold as a whole.
        matched: The accounts of the list, found or not.
        window: When the attack was.
        strange: How many identifiers look like none of the registry's.
    """
    doubts = Reason(0)
    period = read.period
    if period is None or period[0] > window.starts_ms or period[1] < window.ends_ms:
        doubts |= Reason.NO_DECLARED_COVERAGE
    gaps = [gap for stream in read.streams for gap in stream.gaps]
    if read.missing or any(
        gap.from_ms < window.ends_ms and gap.to_ms > window.starts_ms for gap in gaps
    ):
        doubts |= Reason.LOG_GAP
    if any(one.match is Match.NEAR for one in matched) and not request.accounts_checked:
        doubts |= Reason.ACCOUNT_TO_CONFIRM
    if strange:
        doubts |= Reason.OTHER_NUMBERING
    if bounds.unattributed:
        doubts |= Reason.LINES_WITHOUT_ACCOUNT
    return doubts


def load_registry(
    request: Request, connection: duckdb.DuckDBPyConnection, show: Show
) -> list[InputFile]:
    """Load feeds, insurers, contracts and claims; return what the method says of each file."""
    feeds, beside = list_feeds(request.registry)
    listed = request.insurers or beside
    inputs = []
    if listed is not None:
        insurers = read_listed_insurers(listed)
        scope.insert_insurers(
            connection,
            [
                Insurer(
                    amc=one.amc,
                    name=one.name,
                    agreed_from=one.agreed_from,
                    agreed_to=one.agreed_to,
                    via=one.via,
                    aliases=(one.amc, one.amc.lstrip("0"), one.name, one.insurer_id or one.amc),
                )
                for one in insurers
            ],
        )
        inputs.append(describe_file("insurers", listed, len(insurers)))
    first = 0
    for path in feeds:
        feed = RegistryFeed(path, scope.REGISTRY_COLUMNS, first=first)
        for table in feed.tables():
            scope.insert_rows(connection, table)
            show(f"reading {path.name}", feed.done_share)
        first += feed.rows
        use = f"registry, {feed.rejected} rows unreadable" if feed.rejected else "registry"
        inputs.append(describe_file(use, path, feed.rows))
    if request.contracts is not None:
        rules = read_contract_rules(request.contracts)
        scope.insert_contract_rules(connection, rules)
        inputs.append(describe_file("contracts", request.contracts, len(rules)))
    if request.claims is not None:
        claims = list(read_claims(request.claims))
        scope.insert_claims(connection, claims)
        inputs.append(describe_file("claims", request.claims, len(claims)))
    return inputs


def _judge(
    request: Request,
    engine: FactsEngine,
    connection: duckdb.DuckDBPyConnection,
    read: SourcesRead,
    matched: Sequence[MatchedAccount],
    bounds: Bounds,
    window: Window,
) -> list[JudgedSession]:
    """Cut the suspect accounts' lines into sessions and judge those of the window."""
    suspects = sorted({account for one in matched for account in one.logged})
    scope.gather_sessions(
        engine, connection, accounts=suspects, window=window, measures=_measure(request, read)
    )
    confirmed = frozenset(
        (account, one.stolen.session)
        for one in matched
        for account in one.logged
        if one.stolen.session
    )
    known = Known(
        confirmed=confirmed,
        attack_addresses=request.attack_addresses,
        has_cards=bounds.presences > 0,
        claim_days=request.claim_days if request.claims else None,
    )
    return judge_foreign_sessions(connection, known)


def _measure(request: Request, read: SourcesRead) -> Measures:
    return Measures(
        session_gap_ms=read.session_gap_minutes * 60_000,
        claim_days=request.claim_days,
        shared_fields=int(SHARED_FIELDS),
        nir_field=int(Field.NIR),
    )


def _find_near(
    connection: duckdb.DuckDBPyConnection, account: str, distance: int
) -> list[NearAccount]:
    rows = scope.fetch(connection, "list_near_accounts", {"account": account, "distance": distance})
    return [NearAccount(found, facts) for found, facts, _ in rows]
