"""What it costs to know who asks: processor time of admitting a call, beside a whole rights check.

    python -m bench authentication --members 100000

The same objects as in the gateway, in this process, one call after the other: the token read, its
key proved, its bearer looked up. Then a gateway answers rights checks of callers that present a
certificate, and its processor time per answer says what a whole check costs. Ratios of one run.

Target: knowing who asks adds less than a tenth to what a rights check costs without it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from rich.console import Console
from rich.table import Table

from bench import closed_loop
from bench.callers import BY_CERTIFICATE, CLIENT_CERT, PUBLIC_URL, mint_token
from bench.machinery import save_results
from bench.processors import read_group_seconds, read_named_seconds
from bench.rights_checks import CALLERS, Ground, prepare, running_gateway
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.roles import Role
from rempart.accounts.tokens import Bearer, Binding, Standing
from rempart.accounts.visitor import Visitor
from rempart.client.keys import Algorithm, SigningKey
from rempart.client.proofs import make_proof
from rempart.gateway.admission import Admission
from rempart.gateway.bearers import BearerDirectory
from rempart.gateway.proofs import ProofChecker, make_certificate_finder
from rempart.gateway.signatures import PublicKey
from rempart.gateway.tokens import TokenReader
from rempart.wiring.home import Home
from rempart.workflows.accounts.issue_token import API_PATH, build_public_jwk

PATH = "/v1/rights-checks"
CALLS = 5_000
BEARERS = 300
TARGET = 0.10
GOOD = Standing(
    software_known=True,
    software_stopped=False,
    account_known=True,
    account_stopped=False,
    establishment_stopped=False,
    situation_held=True,
    session_live=True,
)


@dataclass(frozen=True)
class Cost:
    """Processor time of one step, and what it adds to a rights check without it."""

    name: str
    us: float
    ratio: float


def run(*, members: int, seconds: float) -> None:
    """Measure, print the ratios, save them."""
    with prepare(members) as ground:
        whole_us = _measure_checks(ground, seconds)
        steps = asyncio.run(_measure_admissions(ground.home))
        steps |= _measure_signatures()
        steps["permission of a page"] = _measure_permissions()
    # The checks measured were asked with a certificate: what that cost is not the check's own.
    bare_us = whole_us - steps["certificate (mTLS)"]
    costs = [Cost(name, us, us / bare_us) for name, us in steps.items()]
    _print(members, bare_us, costs)
    results = {"members": members, "check_us": bare_us, "costs": [asdict(one) for one in costs]}
    path = save_results(f"authentication-{members}", {**results, "target_ratio": TARGET})
    Console().print(f"saved in {path}")


def _measure_checks(ground: Ground, seconds: float) -> float:
    """Return the processor time of a rights check: the gateway and its database sessions."""
    with running_gateway(ground) as gateway:

        def read() -> float:
            return read_group_seconds(gateway.pid) + read_named_seconds("rempart_gateway")

        def ask(seconds: float) -> int:
            found = closed_loop.measure(
                gateway.port, ground.questions, ground.tokens, callers=CALLERS, seconds=seconds
            )
            if found.failed:
                raise RuntimeError(f"{found.failed} checks failed: nothing can be compared")
            return found.answered

        ask(2)
        before = read()
        answered = ask(seconds)
        return (read() - before) * 1e6 / answered


async def _measure_admissions(home: Home) -> dict[str, float]:
    now_ms = int(time.time() * 1000)
    bearers = [Bearer(1, 1_000_000 + n) for n in range(BEARERS)]
    proofs = ProofChecker()
    directory = BearerDirectory(_load_standings)
    admission = _build_admission(home, proofs, directory)
    loading = asyncio.create_task(directory.run())
    nonce = proofs.find_nonce(now_ms=now_ms)
    scopes = {
        "certificate (mTLS)": _ask_with_certificate(home, bearers),
        "proof (DPoP, ES256)": _ask_with_proofs(home, bearers, "ES256", nonce),
        "proof (DPoP, EdDSA)": _ask_with_proofs(home, bearers, "EdDSA", nonce),
    }
    found = {}
    for name, calls in scopes.items():
        # Tokens are read once and known afterwards, as those of anybody who works.
        for scope in calls[:BEARERS]:
            await admission.admit(scope, now_ms=now_ms)
        began = time.process_time()
        for scope in calls[BEARERS:]:
            await admission.admit(scope, now_ms=now_ms)
        found[name] = (time.process_time() - began) * 1e6 / (len(calls) - BEARERS)
    directory.close()
    await loading
    return found


def _build_admission(home: Home, proofs: ProofChecker, directory: BearerDirectory) -> Admission:
    key = PublicKey(build_public_jwk(home.key("token")))
    return Admission(
        tokens=TokenReader(key, issuer=PUBLIC_URL, audience=PUBLIC_URL + API_PATH),
        proofs=proofs,
        bearers=directory,
        find_certificate=make_certificate_finder([ip_network("127.0.0.1/32")]),
        url=PUBLIC_URL,
    )


async def _load_standings(bearers: Sequence[Bearer]) -> list[Standing]:
    return [GOOD] * len(bearers)


def _ask_with_certificate(home: Home, bearers: Sequence[Bearer]) -> list[Any]:
    tokens = [mint_token(home, bearer, binding=BY_CERTIFICATE) for bearer in bearers]
    return [
        _make_scope(f"Bearer {tokens[n % BEARERS]}", (b"client-cert", CLIENT_CERT))
        for n in range(CALLS + BEARERS)
    ]


def _ask_with_proofs(
    home: Home, bearers: Sequence[Bearer], algorithm: Algorithm, nonce: str
) -> list[Any]:
    keys = [SigningKey.generate(algorithm) for _ in bearers]
    tokens = [
        mint_token(home, bearer, binding=Binding("jkt", key.thumbprint))
        for bearer, key in zip(bearers, keys, strict=True)
    ]

    def make(n: int) -> Any:
        token = tokens[n % BEARERS]
        proof = make_proof(
            keys[n % BEARERS], method="POST", url=PUBLIC_URL + PATH, token=token, nonce=nonce
        )
        return _make_scope(f"DPoP {token}", (b"dpop", proof))

    return [make(n) for n in range(CALLS + BEARERS)]


def _make_scope(authorization: str, proof: tuple[bytes, str]) -> Any:
    name, value = proof
    return {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"application/json"),
            (b"user-agent", b"bench"),
            (b"authorization", authorization.encode()),
            (name, value.encode()),
        ],
    }


def _measure_signatures() -> dict[str, float]:
    """Measure what verifying one signature takes by itself: no code of ours makes it less."""
    message = bytes(700)
    curve = ec.generate_private_key(ec.SECP256R1())
    edwards = ed25519.Ed25519PrivateKey.generate()
    es256 = ec.ECDSA(hashes.SHA256())
    signed, of_edwards = curve.sign(message, es256), edwards.sign(message)
    point, edwards_point = curve.public_key(), edwards.public_key()
    return {
        "  its signature alone, ES256": _time(lambda: point.verify(signed, message, es256)),
        "  its signature alone, EdDSA": _time(lambda: edwards_point.verify(of_edwards, message)),
    }


def _measure_permissions() -> float:
    now = datetime.now(UTC)
    visitor = Visitor(
        session_ref=1,
        actor_ref=1,
        actor_kind="professional",
        display_name="",
        role=Role.HOLDER,
        org_ref=1,
        org_name="",
        org_kind="establishment",
        insurer_id=None,
        establishment_ref=1,
        person_ref=None,
        accountable_ref=None,
        membership_ref=1,
        method="psc",
        is_host=False,
        opened_at=now,
        expires_at=now + timedelta(hours=4),
        idle_limit=timedelta(minutes=30),
        stepped_up_at=now,
    )
    return _time(lambda: check_can(visitor, Permission.CHECK_RIGHTS, now=now))


def _time(step: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        step()
    return (time.process_time() - began) * 1e6 / CALLS


def _print(members: int, bare_us: float, costs: Sequence[Cost]) -> None:
    table = Table(title=f"Knowing who asks, {members:,} members")
    for column in ("step", "µs of processor", "of a rights check"):
        table.add_column(column, justify="left" if column == "step" else "right")
    table.add_row("a rights check without it", f"{bare_us:.0f}", "")
    for cost in costs:
        table.add_row(cost.name, f"{cost.us:.1f}", f"{cost.ratio:.1%}")
    Console().print(table)
    Console().print(f"target: each < {TARGET:.0%}")
