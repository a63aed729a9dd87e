"""Software that checks rights and sends claims without pause, and notes what it was told.

What got no answer is sent again, as it was: the same key, the same invoice.
"""

import contextlib
import hashlib
import http.client
import itertools
import json
import random
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from bench.callers import CLIENT_CERT, mint_token
from bench.rights_checks import Ground
from rempart.accounts.tokens import CLAIMS_SCOPE, Bearer

CHECKERS: Final = 4
BILLERS: Final = 2
# Faces that each account knows: the guard lets a practice's own patients pass.
FACES: Final = 5
CARE_DAYS: Final = 300
PAUSE_S: Final = 0.02
ANSWERS: Final = {"check": 200, "claim": 202}
# What says "come back", 0 no answer at all: everything else must never be seen.
COME_BACK: Final = frozenset({0, 429, 500, 502, 503, 504})


@dataclass
class Told:
    """What callers were told.

    Attributes:
        receipts: Of each check: the log's name and the place of its entry, by name of the request.
        claims: The reference of each claim, by its invoice.
        strange: Answers that nobody should get, with how many there were.
        good_at: When the last good answer of each kind came, by a clock that only goes forward.
        silences: How long nobody got a good answer, by kind, in seconds: the longest since asked.
        turned_away: Answers that were not good, in words, with how many there were.
        took: How long each good answer took, by kind, in seconds.
    """

    receipts: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    strange: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    repeated: int = 0
    good_at: dict[str, float] = field(default_factory=dict)
    silences: dict[str, float] = field(default_factory=dict)
    turned_away: Counter[str] = field(default_factory=Counter)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, kind: str) -> None:
        """Note that a good answer of a kind came."""
        now = time.monotonic()
        silence = now - self.good_at.get(kind, now)
        self.good_at[kind] = now
        self.silences[kind] = max(self.silences.get(kind, 0.0), silence)

    def turn_away(self, kind: str, status: int, code: str, retry_after: str | None) -> None:
        """Note an answer that was not good: 0 when there was none at all."""
        words = f"{kind}: {status} {code}".rstrip() if status else f"{kind}: no answer"
        if status >= 500 and retry_after is None:
            words += ", without Retry-After"
        with self.lock:
            self.turned_away[words] += 1

    def take_silences(self) -> dict[str, float]:
        """Return the longest silences since this was last asked, and begin again."""
        with self.lock:
            taken, self.silences = self.silences, {}
        return taken


@dataclass(frozen=True)
class _Question:
    kind: str
    path: str
    name: str
    body: str
    headers: Mapping[str, str]


class Load:
    """Callers at work between `with` and its end; each finishes what it asked for.

    Args:
        ahead_s: How far their clocks, and that of whoever gave them their tokens, are ahead.
    """

    def __init__(self, ground: Ground, port: int, told: Told, *, ahead_s: int = 0) -> None:
        care_date = (
            (datetime.now(ZoneInfo("Europe/Paris")) + timedelta(seconds=ahead_s)).date().isoformat()
        )
        people = [{**one, "care_date": care_date} for one in _read_people(ground)]
        checkers = _mint(ground, CHECKERS, ahead_s=ahead_s)
        billers = _mint(ground, BILLERS, scope=CLAIMS_SCOPE, ahead_s=ahead_s)
        self._port, self._told, self._stop = port, told, threading.Event()
        self._threads = [
            threading.Thread(target=self._check, args=(token, people[n * FACES :][:FACES]))
            for n, token in enumerate(checkers)
        ]
        self._threads += [
            threading.Thread(target=self._bill, args=(one, people)) for one in billers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._told.good_at.clear()

    def _check(self, token: str, people: Sequence[dict[str, Any]]) -> None:
        run, dice = secrets.token_hex(8), random.Random(token)
        headers = make_headers(token)

        def make(number: int) -> _Question:
            name = f"{run}-{number}"
            body = json.dumps(dice.choice(people))
            return _Question(
                "check", "/v1/rights-checks", name, body, {**headers, "Idempotency-Key": name}
            )

        self._ask_on(make)

    def _bill(self, token: str, people: Sequence[dict[str, Any]]) -> None:
        dice, headers = random.Random(token), make_headers(token)

        def make(_number: int) -> _Question:
            invoice = secrets.token_hex(8)
            body = json.dumps(_make_claim(invoice, dice.choice(people), dice))
            return _Question("claim", "/v1/claims", invoice, body, headers)

        self._ask_on(make)

    def _ask_on(self, make: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        for number in itertools.count():
            if self._stop.is_set():
                break
            self._ask_until_answered(connection, make(number))
            time.sleep(PAUSE_S)
        connection.close()

    def _ask_until_answered(
        self, connection: http.client.HTTPConnection, question: _Question
    ) -> None:
        """Ask, and again until there is an answer; give up on what is refused for good."""
        for tried in itertools.count():
            retry_after, began = None, time.monotonic()
            try:
                connection.request("POST", question.path, question.body, dict(question.headers))
                response = connection.getresponse()
                status, body = response.status, response.read()
                retry_after = response.headers["Retry-After"]
            except (OSError, http.client.HTTPException):
                connection.close()
                status, body = 0, b""
            if status not in {ANSWERS[question.kind], 403}:  # 403: the guard's, counted apart
                self._told.turn_away(question.kind, status, _read_code(body), retry_after)
            if status not in COME_BACK:
                self._note(question, status, body, tried, time.monotonic() - began)
                return
            time.sleep(0.05)

    def _note(
        self, question: _Question, status: int, body: bytes, tried: int, took_s: float
    ) -> None:
        told = self._told
        with told.lock:
            told.repeated += tried
            if status == ANSWERS[question.kind]:
                told.hear(question.kind)
                told.took[question.kind].append(took_s)
                if question.kind == "check":
                    receipt = json.loads(body)["receipt"]
                    request_id = hashlib.sha256(question.name.encode()).digest()[:16]
                    told.receipts[request_id] = receipt["log"], receipt["index"]
                else:
                    [taken] = json.loads(body)["accepted"]
                    told.claims[question.name] = taken["claim"]
                return
            if question.kind == "check" and status == 403:
                told.refused += 1  # by the guard: an answer like another
                return
            words = f"{question.kind} {status} {_read_code(body)}"
            told.strange[words] = told.strange.get(words, 0) + 1


def _read_code(body: bytes) -> str:
    """Return the code of a problem document; empty when it is none."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(body).get("code", ""))
    return ""


def make_headers(token: str) -> dict[str, str]:
    """Return what every request says of its caller."""
    return {
        "Authorization": f"Bearer {token}",
        "Client-Cert": CLIENT_CERT,
        "Content-Type": "application/json",
        "User-Agent": "bench",
    }


def _mint(ground: Ground, count: int, **more: Any) -> list[str]:
    """Sign tokens of as many professionals, of the software that this bench registered."""
    with ground.database.transaction("registrar") as tx:
        rows = tx.execute(
            "SELECT (SELECT max(client_ref) FROM accounts.software WHERE revoked_at IS NULL"
            " AND client_id LIKE 'exercise-%%'), account_ref, establishment_ref"
            " FROM accounts.professional WHERE establishment_ref IS NOT NULL"
            " ORDER BY rpps LIMIT %s",
            (count,),
        ).fetchall()
    return [mint_token(ground.home, Bearer(*row), **more) for row in rows]


def _read_people(ground: Ground) -> list[dict[str, Any]]:
    """Return questions about people whose identifiers are typed."""
    read = (json.loads(line) for line in ground.questions.read_text().splitlines())
    return [one for one in read if one["identifiers"]["mode"] == "typed"]


def _make_claim(invoice: str, person: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return a claim of some day of the year: the same care twice would be paid once."""
    care_date = date.fromisoformat(person["care_date"]) - timedelta(days=dice.randrange(CARE_DAYS))
    return {
        "invoice": invoice,
        "beneficiary": person["identifiers"],
        "lines": [
            {
                "number": number,
                "act": act,
                "care_date": care_date.isoformat(),
                "billed_cents": dice.randrange(2_500, 9_000),
                "base_cents": 2_500,
                "amo_cents": 1_600,
            }
            for number, act in enumerate(("G", "PH7"), 1)
        ],
    }
