"""Every route as every visitor with every reference of others; the answers are searched."""

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver
from psycopg import sql
from tests.storage.tenants import ROLES, Row, World

from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import Role
from rempart.portals.session_store import SessionStore, compute_token_digest
from rempart.portals.visit import GATE
from rempart.rights.card import SERIAL_BYTES, CardSerial

ANONYMOUS = "nobody"
EVERYBODY = frozenset({*ROLES, ANONYMOUS})
VISITORS = (
    *("holder A", "holder B", "assistant A", "insurer admin A", "insurer manager A"),
    *("insurer admin B", "member A", "member B", "employer admin A", "publisher admin A"),
    *("publisher admin B", "hosted admin", "host ops", "host security", ANONYMOUS),
)
# The table that each parameter of a route leads to, and the column it names.
LEADS_TO: Mapping[str, tuple[str, str]] = {
    "session_ref": ("accounts.session", "session_ref"),
    "handle": ("accounts.passkey", "credential_id"),
    "event_ref": ("accounts.security_event", "event_ref"),
    "client_ref": ("accounts.software", "client_ref"),
    "kid": ("accounts.software_key", "kid"),
    "contact_ref": ("accounts.contact", "contact_ref"),
    "change_ref": ("accounts.bank_details", "change_ref"),
    "membership_ref": ("accounts.membership", "membership_ref"),
    "request_ref": ("accounts.recovery_request", "request_ref"),
    "invitation_ref": ("accounts.invitation", "invitation_ref"),
    "org_ref": ("accounts.organisation", "org_ref"),
    "incident_id": ("incidents.incident", "incident_id"),
    "account_ref": ("guard.account", "account_ref"),
    "inquiry_ref": ("accounts.inquiry", "inquiry_ref"),
    "hold_ref": ("accounts.display_hold", "hold_ref"),
    "package_ref": ("incidents.package", "package_ref"),
    "key_ref": ("incidents.sealing_key", "key_ref"),
    "note_ref": ("incidents.insurer_note", "note_ref"),
    "amc_number": ("notices.incident_page", "amc_number"),
    "page_number": ("notices.incident_page", "number"),
    "version": ("notices.page_version", "number"),
    "list_ref": ("notices.self_check", "list_ref"),
    "prefix": ("notices.self_check_bucket", "prefix"),
    "evidence_ref": ("retention.hold", "hold_ref"),
    "member_file_ref": ("rights.member_file", "file_ref"),
    "cut_ref": ("rights.cut", "cut_ref"),
    "measure_ref": ("guard.measure", "measure_ref"),
    "terminal_ref": ("accounts.terminal", "terminal_ref"),
    "policy_ref": ("rights.presence_policy", "policy_ref"),
    "batch_ref": ("rights.card_batch", "batch_ref"),
    "serial": ("rights.card", "serial"),
    "job_id": ("jobs.procrastinate_jobs", "id"),
    "claim_ref": ("claims.claim", "claim_ref"),
    "campaign_ref": ("notices.campaign", "campaign_ref"),
    "dispute_ref": ("claims.dispute", "dispute_ref"),
    "report_ref": ("notices.suspicious", "report_ref"),
    "message_number": ("notices.message", "number"),
    "copy_ref": ("rights.own_copy", "copy_ref"),
    "claim_hold_ref": ("claims.hold", "hold_ref"),
    "watch_ref": ("claims.watch", "watch_ref"),
    "biller_ref": ("accounts.establishment", "establishment_ref"),
    "file_ref": ("claims.benefit_file", "file_ref"),
    "call_id": ("claims.call", "call_id"),
    "run_id": ("claims.run", "run_id"),
    "purge_id": ("retention.run", "run_id"),
    "restoration_number": ("retention.restoration", "number"),
    "schedule_ref": ("retention.schedule", "schedule_ref"),
    "data_request_ref": ("retention.request", "request_ref"),
    "data_hold_ref": ("retention.data_hold", "hold_ref"),
    "upload_ref": ("employers.upload", "upload_ref"),
    "movement_ref": ("employers.movement", "movement_ref"),
    "statement_ref": ("employers.statement", "statement_ref"),
    "remittance_id": ("claims.remittance", "remittance_id"),
    "log_id": ("ledger.entry", "log_id"),
    "idx": ("ledger.entry", "idx"),
}
# Of the same name, and not the same: requests for new keys, and requests to erase; incidents of the
# host, and those that an insurer was told of.
ELSEWHERE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("erasure", "decide-erasure"), ("accounts.erasure_request", "request_ref")),
    **dict.fromkeys(
        (
            *("own-incident", "own-incident-json", "own-clocks-ics", "write-own"),
            *("take-own-clock", "own-cnil", "own-cnil-file", "own-severity", "own-risk"),
            "new-campaign",
            *("own-page", "write-page-facts", "write-page-questions", "publish-page"),
            *("withdraw-page", "own-person"),
        ),
        ("incidents.insurer_note", "incident_id"),
    ),
    **dict.fromkeys(
        ("start-exposure-watch", "end-exposure-watch"), ("claims.exposure_watch", "incident_id")
    ),
}
# Names of providers, and places of public hashes: not references of anybody. Numbers of promises
# are made with a secret, those of feeds name no row of a table pages read: test_care.py and
# test_insurer_space.py try another's.
NO_REFERENCE = frozenset(
    {"slug", "log", "address", "pec_number", "feed_number", "place", "batch_number"}
)
# These end the visitor's own session: tried by nobody signed in, or once at the end.
LEAVING = frozenset({"leave", "end-others"})
# What a page might read from a query or a form, whatever its address says.
AIMED_AT = ("org_ref", "actor_ref", "account_ref", "session_ref", "insurer_id", "establishment_ref")
AIMED_AT += ("person_ref", "membership_ref", "publisher_ref", "client_ref", "event_ref")
# A provider that speaks wrongly is answered so.
SPEAKS_TO_PROVIDERS = frozenset({"psc-logout", "oidc-logout"})
# Its script sends a document, not a form.
SPEAKS_JSON = frozenset({"offline-report"})
WORD = re.compile(rb"[0-9A-Za-z]+")


@dataclass
class Findings:
    """What the attempts gave."""

    attempts: Counter[str] = field(default_factory=Counter)
    # Routes tried with a reference of somebody else by whoever their gate lets in.
    reached: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)
    # A page that let in, or kept out, somebody that the permissions do not.
    misplaced: list[str] = field(default_factory=list)
    # An answer that tells a reference of somebody else from one that does not exist.
    told_apart: list[str] = field(default_factory=list)
    # A row of somebody else that is not what it was.
    changed: list[str] = field(default_factory=list)
    # How many marks of their own each visitor was shown: pages that show nothing leak nothing.
    shown: Counter[str] = field(default_factory=Counter)

    @property
    def is_clean(self) -> bool:
        """Whether nothing came through."""
        return not (self.leaks or self.misplaced or self.told_apart or self.changed)

    def describe(self) -> str:
        """Say how much was tried and what came of it."""
        total = sum(self.attempts.values())
        ways = ", ".join(f"{way} {count}" for way, count in sorted(self.attempts.items()))
        return f"{total} attempts ({ways}), {len(self.leaks)} leaks"


@dataclass(frozen=True)
class Route:
    """One address of the portals, with its parameters and its gate."""

    name: str
    pattern: str
    parameters: tuple[str, ...]
    gate: Permission | str

    def fill(self, values: Mapping[str, object]) -> str:
        """Return the address with these parameters."""
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(values[found[1]]), self.pattern)

    def opens_to(self, role: Role | None) -> bool:
        """Say whether the table of permissions opens it to a role."""
        return not isinstance(self.gate, Permission) or role in GRANTS[self.gate].roles


@dataclass(frozen=True)
class Attacker:
    """A visitor's browser, what it must not be shown, and whom it aims at."""

    who: str
    browser: Client
    forbidden: set[bytes]
    mine: set[bytes]
    aim: Mapping[str, str]
    unknown: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)

    @property
    def role(self) -> Role | None:
        """The role they are signed in in; None when they are not."""
        return None if self.who == ANONYMOUS else Role(ROLES[self.who][0])

    def ask(self, route: Route, method: str, values: Mapping[str, object]) -> HttpResponseBase:
        """Send one request; whatever a page reads from a query or a form names others too."""
        address = route.fill(values)
        aimed = {**self.aim, **{name: str(value) for name, value in values.items()}}
        if method == "GET":
            return self.browser.get(address, aimed)
        body = {**aimed, "approve": "1", "reason": "essai"}
        if route.name in SPEAKS_JSON:
            return self.browser.post(address, body, content_type="application/json")
        return self.browser.post(address, body)

    def ask_in_vain(
        self, route: Route, method: str, values: Mapping[str, object]
    ) -> tuple[int, str]:
        """Return how a route answers about a reference that leads nowhere."""
        if (route.name, method) not in self.unknown:
            answer = self.ask(route, method, invent(values))
            self.unknown[route.name, method] = describe(answer)
        return self.unknown[route.name, method]


def list_routes() -> list[Route]:
    """Return every route of the portals."""
    routes = []
    for one in get_resolver().url_patterns:
        assert isinstance(one, URLPattern)
        pattern = str(one.pattern)
        view = one.callback
        while not hasattr(view, GATE) and hasattr(view, "__wrapped__"):
            view = view.__wrapped__
        parameters = tuple(re.findall(r"<\w+:(\w+)>", pattern))
        routes.append(Route(one.name or "", pattern, parameters, getattr(view, GATE)))
    return routes


def enter(world: World, who: str, now: datetime) -> Client:
    """Return a browser of a visitor, who has just confirmed who they are."""
    browser = Client(
        raise_request_exception=False, headers={"user-agent": "Firefox on a test bench"}
    )
    if who == ANONYMOUS:
        return browser
    store = SessionStore()
    store.create()
    key = store.session_key or ""
    [row] = [row for row in world.of_table("accounts.session") if is_own_session(world, who, row)]
    with world.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.session SET token_digest = %s, stepped_up_at = %s, ended_at = NULL,"
            " end_reason = NULL WHERE session_ref = %s",
            (compute_token_digest(key), now, row.key["session_ref"]),
        )
    browser.cookies[settings.SESSION_COOKIE_NAME] = key
    return browser


def is_own_session(world: World, who: str, row: Row) -> bool:
    """Say whether a row is the live session of a visitor."""
    return row.values["actor_ref"] == world.actors[who] and row.values["ended_at"] is None


def list_words(values: Iterable[Any]) -> set[bytes]:
    """Return the words of values that are found nowhere else: marks, references, last digits."""
    words: set[bytes] = set()
    for value in values:
        if isinstance(value, int) and value > 10**9:
            words.add(str(value).encode())
        elif isinstance(value, str):
            long = [word for word in WORD.findall(value.encode()) if len(word) == 16]
            words.update(long or ([value.encode()] if re.fullmatch("[AB]7[AB]9", value) else []))
        elif isinstance(value, bytes):
            words.update(list_shown(value))
    return words


def list_shown(value: bytes) -> set[bytes]:
    """Return what the pages may show of bytes: the name of a key or a card, or marks inside."""
    if len(value) in (32, SERIAL_BYTES):
        return {name_bytes(value).encode()}
    return {word for word in WORD.findall(value) if len(word) == 16}


def name_bytes(value: bytes) -> str:
    """Return what the pages call a card, or a passkey."""
    if len(value) == SERIAL_BYTES:
        return CardSerial(value).code
    return hashlib.sha256(value).hexdigest()[:32]


def split_words(world: World, who: str) -> tuple[set[bytes], set[bytes]]:
    """Return the words of a visitor's own rows, and those of rows they may not see only."""
    readable = [row for row in world.rows if who in row.readers]
    others = [row for row in world.rows if who not in row.readers]
    public = list_words(
        value for row in readable if row.readers == EVERYBODY for value in row.values.values()
    )
    known = list_words(value for row in readable for value in row.values.values())
    known |= list_words(world.told.get(who, []))
    forbidden = list_words(value for row in others for value in row.values.values())
    return known - public, forbidden - known


def aim(world: World, who: str) -> dict[str, str]:
    """Return fields that name rows of somebody else; few enough for a page to read them."""
    aimed: dict[str, str] = {}
    for row in world.rows:
        for name in AIMED_AT if who not in row.readers else ():
            if row.values.get(name):
                aimed.setdefault(name, str(row.values[name]))
    return aimed


def list_references(world: World, who: str, route: Route) -> Iterator[dict[str, object]]:
    """Yield the parameters that lead to somebody else's rows: one per group who sees them."""
    first = next((name for name in route.parameters if name not in NO_REFERENCE), None)
    if first is None:
        yield dict.fromkeys(route.parameters, "entra")
        return
    table, column = ELSEWHERE.get(route.name) or LEADS_TO[first]
    tried = set()
    for row in world.of_table(table):
        if is_own(row, who) or is_told(world, row, who) or row.readers in tried:
            continue
        tried.add(row.readers)
        value = row.key[column] if column in row.key else row.values[column]
        shown = name_bytes(value) if isinstance(value, bytes) else value
        key = {**row.key, column: shown}
        yield {name: "one" if name == "kid" else key.get(name, shown) for name in route.parameters}


def is_own(row: Row, who: str) -> bool:
    """Say whether a row is a visitor's to see; what everybody sees is its changers' own."""
    return who in (row.changers if row.readers == EVERYBODY else row.readers)


def is_told(world: World, row: Row, who: str) -> bool:
    """Say whether a visitor is told the names of a row that they do not see."""
    return not list_words(world.told.get(who, [])).isdisjoint(list_words(row.values.values()))


def invent(values: Mapping[str, object]) -> dict[str, object]:
    """Return parameters of the same shapes that lead nowhere."""
    return {
        name: secrets.token_hex(16)
        if name == "handle"
        else CardSerial(secrets.token_bytes(SERIAL_BYTES)).code
        if name == "serial"
        else secrets.randbits(62) + 1
        if isinstance(value, int)
        else value
        for name, value in values.items()
    }


def attack(
    world: World,
    now: datetime,
    *,
    visitors: Iterable[str] = VISITORS,
    methods: Iterable[str] = ("GET", "POST"),
    only: Callable[[Route], bool] = lambda _route: True,
) -> Findings:
    """Try every route as every visitor, with the references of everybody else."""
    findings = Findings()
    routes = [route for route in list_routes() if only(route)]
    for who in visitors:
        browser = enter(world, who, now)
        mine, forbidden = split_words(world, who)
        attacker = Attacker(who, browser, forbidden, mine, aim(world, who))
        before = take_snapshot(world, who)
        for route in routes:
            for method in methods:
                if route.name in LEAVING and method == "POST" and who != ANONYMOUS:
                    continue
                references = list_references(world, who, route)
                # A gate that is shut asks for no reference: one says so as well as all of them.
                some = None if route.opens_to(attacker.role) else 1
                for values in islice(references, some):
                    _try(findings, attacker, route, method, values)
        after = take_snapshot(world, who)
        findings.changed += [f"{who}: {row}" for row in before if before[row] != after[row]]
    return findings


def _try(
    findings: Findings,
    attacker: Attacker,
    route: Route,
    method: str,
    values: Mapping[str, object],
) -> None:
    findings.attempts[f"{method} {'by reference' if values else 'without'}"] += 1
    if LEADS_TO.keys() & values.keys() and route.opens_to(attacker.role):
        findings.reached.add(route.name)
    what = f"{attacker.who}: {method} {route.name}"
    answer = attacker.ask(route, method, values)
    # What the attacker sent may come back: in the address of the page, for one.
    sent = {*map(str, values.values()), *attacker.aim.values()}
    words = search(answer)
    findings.shown[attacker.who] += len(words & attacker.mine)
    found = (words & attacker.forbidden) - {word.encode() for word in sent}
    if found:
        findings.leaks.append(f"{what}: {len(found)} marks ({answer.status_code})")
    is_gated = isinstance(route.gate, Permission) and answer.status_code != 405
    refused = answer.status_code == (302 if attacker.role is None else 403)
    # A page that did not read the request would hide what it does with it.
    broken = answer.status_code in (400, 500) and route.name not in SPEAKS_TO_PROVIDERS
    if broken or (is_gated and not refused and not route.opens_to(attacker.role)):
        findings.misplaced.append(f"{what}: {answer.status_code}")
    told = bool(values) and not NO_REFERENCE & values.keys()
    if told and describe(answer) != attacker.ask_in_vain(route, method, values):
        findings.told_apart.append(f"{what}: {answer.status_code}")


def describe(answer: HttpResponseBase) -> tuple[int, str]:
    """Return what tells two refusals apart, references aside."""
    where = re.sub(
        r"(%2F|%3D|/)[0-9A-Z]{16}(?![0-9A-Z])", r"\1…", answer.headers.get("Location", "")
    )
    where = re.sub(r"[0-9a-f]{32}|[0-9]+", "…", where)
    return answer.status_code, where


def search(answer: HttpResponseBase) -> set[bytes]:
    """Return the words of an answer, headers included."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    headers = " ".join(str(value) for value in answer.headers.values()).encode()
    return set(WORD.findall(body)) | set(WORD.findall(headers))


def take_snapshot(world: World, who: str) -> dict[tuple[Any, ...], str]:
    """Return the rows that a visitor may not change, as they are."""
    found = {}
    with world.database.transaction("owner") as tx:
        for table in world.tables():
            rows = world.of_table(table)
            query = sql.SQL("SELECT md5(t::text), {} FROM {} AS t").format(
                sql.SQL(", ").join(map(sql.Identifier, rows[0].key)),
                sql.Identifier(*table.split(".")),
            )
            known = {tuple(key): digest for digest, *key in tx.execute(query)}
            for row in rows:
                if who not in row.changers:
                    key = tuple(row.key.values())
                    found[table, *key] = known.get(key, "taken away")
    return found
