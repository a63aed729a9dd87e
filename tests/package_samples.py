"""An analysed incident, insurers with certificates, and what packages are made with: for tests."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from psycopg.types.json import Jsonb
from tests.acts_samples import MemoryActs

from rempart.disclosure.acts import Author
from rempart.disclosure.note import NoteSigner
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.storage.connect import Database
from rempart.storage.sealing import (
    ContractRecord,
    FileKms,
    PersonRecord,
    Seal,
    encode_record,
    load_insurer_key,
)
from rempart.workflows.incidents.make_packages import Made, MakeRequest, Workshop, make_packages

NOW = dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)
START_MS = 1_763_900_000_000
END_MS = START_MS + 86_400_000
KMS = FileKms(bytes(32))
SIGNER = NoteSigner("rempart.invalid/5f0c12ab/packages", bytes(range(32)))
SHOWN, GAINED = 0b11111 | 1 << 20, 0b11111
WHOLE = {"from_ms": START_MS, "to_ms": END_MS, "is_whole": True, "logs": []}
HOLE = {
    "kind": "account_gap",
    "source": "rempart.invalid/5f0c12ab/log/1",
    "from_ms": START_MS,
    "to_ms": END_MS,
    "hidden": 7,
    "insurers": None,
}


@cache
def make_rsa_key(bits: int = 3072, number: int = 0) -> rsa.RSAPrivateKey:
    """Return a key; `number` tells several of one length apart."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def make_certificate(
    key: object | None = None,
    *,
    starts: dt.datetime = NOW - dt.timedelta(days=1),
    ends: dt.datetime = NOW + dt.timedelta(days=365),
    usage: x509.KeyUsage | None = None,
) -> bytes:
    """Return a self-signed certificate in PEM."""
    signed = key or make_rsa_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Mutuelle d'essai")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(signed.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(signed, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def format_private_key(key: rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    """Return a private key in PEM."""
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def make_record(number: int, **changes: object) -> PersonRecord:
    """Return an invented person."""
    values: dict[str, object] = {
        "insured_nir": make_synthetic_nir(sex=1, year=1970, month=3, serial=number % 999).number,
        "birth_date": "19700301",
        "birth_rank": "1",
        "family_name": f"ESSAI{number}",
        "first_names": "Camille",
        "quality": 1,
        "stated_on": "2026-01-01",
        "contracts": (ContractRecord(f"CT{number:06}", f"AD{number:06}", "", "2026-01-01"),),
    }
    return PersonRecord(**{**values, **changes})


@dataclass
class Affair:
    """An incident, as an analysis left it."""

    database: Database
    exercise: bool = False
    incident_id: int = 0
    analyses: int = 0
    acts: MemoryActs = field(default_factory=MemoryActs)
    kms: FileKms = KMS

    def __post_init__(self) -> None:
        with self.database.transaction("owner") as tx:
            row = tx.execute(
                "INSERT INTO incidents.incident (title, exercise, starts_ms, ends_ms)"
                " VALUES ('Comptes volés', %s, %s, %s) RETURNING incident_id",
                (self.exercise, START_MS, END_MS),
            ).fetchone()
            assert row is not None
            self.incident_id = row[0]

    def add_insurer(self, insurer_id: int) -> None:
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
                " VALUES (%s, %s, %s, '2020-01-01')",
                (insurer_id, f"90000000{insurer_id:02}", f"Mutuelle {insurer_id}"),
            )

    def add_key(self, insurer_id: int, certificate: bytes | None = None) -> bytes:
        """Put a certificate in force; return its fingerprint."""
        der = x509.load_pem_x509_certificate(certificate or make_certificate()).public_bytes(
            serialization.Encoding.DER
        )
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO incidents.sealing_key (key_ref, insurer_id, certificate, fingerprint,"
                " subject, starts_at, ends_at, state, active_from)"
                " VALUES (%s, %s, %s, %s, 'CN=Essai', %s, %s, 'approved', %s)",
                (
                    int.from_bytes(hashlib.sha256(der).digest()[:7], "big"),
                    insurer_id,
                    der,
                    hashlib.sha256(der).digest(),
                    NOW - dt.timedelta(days=1),
                    NOW + dt.timedelta(days=365),
                    NOW - dt.timedelta(hours=1),
                ),
            )
        return hashlib.sha256(der).digest()

    def know(self, insurer_id: int, person_ref: int, record: PersonRecord | None = None) -> None:
        """Seal who somebody is, as the insurer's feed would."""
        with self.database.transaction("feeds") as tx:
            seal = Seal(insurer_id, load_insurer_key(tx, self.kms, insurer_id))
            plain = encode_record(record or make_record(person_ref))
            tx.execute(
                "INSERT INTO identity.person"
                " (person_ref, insurer_id, sealed, digest, lookup_keys, changed_in)"
                " VALUES (%s, %s, %s, %s, '{}', 1)",
                (person_ref, insurer_id, seal.seal(person_ref, plain), seal.digest(plain)),
            )

    def analyse(
        self,
        listed: Iterable[tuple[int, int, str]],
        *,
        holes: Iterable[dict[str, object]] = (),
        gained: int = GAINED,
    ) -> None:
        """Write an analysis: (insurer, person, tier) of everybody on the list."""
        self.analyses += 1
        holes = list(holes)
        with self.database.transaction("owner") as tx:
            tx.execute("DELETE FROM incidents.exposed_person")
            tx.cursor().executemany(
                "INSERT INTO incidents.exposed_person (incident_id, insurer_id, person_ref, tier,"
                " fields, gained, lookups, sessions) VALUES (%s, %s, %s, %s, %s, %s, 2, '{7}')",
                [(self.incident_id, one, ref, tier, SHOWN, gained) for one, ref, tier in listed],
            )
            tx.execute(
                "INSERT INTO incidents.analysis (incident_id, number, author, rules, inputs,"
                " coverage, counts, list_digest, made_at)"
                " VALUES (%s, %s, 'essai', '2026-11.2', '{}', %s, %s, sha256(''), %s)",
                (
                    self.incident_id,
                    self.analyses,
                    Jsonb({**WHOLE, "is_whole": not holes, "holes": holes}),
                    Jsonb({"lower": 0, "best": 0, "upper": None if holes else 0}),
                    NOW,
                ),
            )

    @contextmanager
    def workshop(self, **changes: object) -> Iterator[Workshop]:
        with (
            closing(self.database.connect("analyst", autocommit=True)) as analyst,
            closing(self.database.connect("feeds", autocommit=True)) as identities,
        ):
            values: dict[str, object] = {
                "analyst": analyst,
                "identities": identities,
                "kms": self.kms,
                "signer": SIGNER,
                "prove": lambda _log, _index: "",
                "acts": self.acts,
                "by": Author(0, 0),
            }
            yield Workshop(**{**values, **changes})

    def make(self, *insurer_ids: int, now: dt.datetime = NOW, **changes: object) -> list[Made]:
        """Make the packages of some insurers, or of all."""
        request = MakeRequest(
            incident_id=self.incident_id, insurer_ids=insurer_ids or None, proofs=5, now=now
        )
        with self.workshop(**changes) as workshop:
            return list(make_packages(workshop, request))

    def send(self, insurer_id: int) -> int:
        """Send the latest package of an insurer, as two people would; return its reference."""
        with self.database.transaction("analyst") as tx:
            row = tx.execute(
                "SELECT package_ref FROM incidents.package WHERE incident_id = %s"
                " AND insurer_id = %s ORDER BY number DESC LIMIT 1",
                (self.incident_id, insurer_id),
            ).fetchone()
            assert row is not None
            for state, column, who in (("asked", "asked_by", 1), ("sent", "approved_by", 2)):
                tx.execute(
                    f"UPDATE incidents.package SET state = '{state}', {column} = {who}"  # type: ignore[arg-type]
                    " WHERE package_ref = %s",
                    row,
                )
        return int(row[0])

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        with self.database.transaction("owner") as tx:
            return tx.execute(statement, values).fetchall()  # type: ignore[arg-type]
