"""What each insurer is sent: its own persons, once, sealed, and nothing of anybody else."""

import dataclasses
import datetime as dt
import io
import subprocess
from pathlib import Path

import pytest
from tests.package_samples import (
    HOLE,
    NOW,
    SIGNER,
    Affair,
    format_private_key,
    make_certificate,
    make_record,
    make_rsa_key,
)

from rempart.exchange.package_note import PackageRefused
from rempart.exchange.package_reader import JoinedList, OpenedPackage, PrivateKey, open_package
from rempart.exchange.package_sealing import SealRefused
from rempart.incidents.packages import Conclusion, IdentityState
from rempart.kernel.errors import (
    Conflict,
    InconsistentRecord,
    LedgerUnavailable,
    NotAllowed,
    NotFound,
)
from rempart.kernel.instants import PARIS, to_ms
from rempart.storage.connect import Database
from rempart.workflows.incidents import make_packages as workflow
from rempart.workflows.incidents.drop_packages import drop_packages
from rempart.workflows.incidents.make_packages import Outcome

KEY = PrivateKey(format_private_key(make_rsa_key()))
TRUSTED = [SIGNER.verifier]


@pytest.fixture
def affair(database: Database) -> Affair:
    """Two insurers, the first with a certificate and three persons it knows."""
    affair = Affair(database)
    affair.add_insurer(1)
    affair.add_insurer(2)
    affair.add_key(1)
    for ref in (101, 102, 103):
        affair.know(1, ref)
    affair.analyse([(1, 101, "A"), (1, 102, "B"), (2, 201, "A")])
    return affair


def drop(affair: Affair, folder: Path) -> list[Path]:
    with affair.database.transaction("analyst") as tx:
        return list(drop_packages(tx, affair.incident_id, folder))


def read(path: Path, key: PrivateKey = KEY) -> OpenedPackage:
    with path.open("rb") as stream:
        return open_package(stream, TRUSTED, key)


def rows_of(opened: OpenedPackage) -> list[dict[str, str]]:
    joined = JoinedList()
    joined.take(opened)
    return list(joined.rows())


def test_an_insurer_is_told_its_own_persons_with_names_and_no_one_elses(affair, tmp_path):
    assert [one.outcome for one in affair.make()] == [Outcome.MADE, Outcome.WAITING]
    affair.send(1)
    [path] = drop(affair, tmp_path)
    opened = read(path)
    rows = rows_of(opened)
    assert [(row["tier"], row["family_name"], row["contract_number"]) for row in rows] == [
        ("A", "ESSAI101", "CT000101"),
        ("B", "ESSAI102", "CT000102"),
    ]
    assert {row["minor"] for row in rows} == {"no"}
    assert rows[0]["fields_lost"] == "RIGHTS_STATUS|CLOSED_REASON|DOMAIN_TERMS|ENGAGEMENT|CONSIGNE"
    assert rows[0]["fields_shown"].endswith("|NIR")
    assert opened.manifest["counts"] == {"A": 1, "B": 1, "C": 0}
    assert opened.manifest["bounds"] == {"lowest": 1, "best": 2, "highest": 2}
    assert opened.manifest["conclusion"] == "persons"


def test_openssl_opens_what_was_sealed(affair, tmp_path):
    affair.make(1)
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.content)
    [(sealed,)] = affair.fetch(
        "SELECT sealed FROM incidents.package_file WHERE name = 'manifeste.json.cms'"
    )
    done = subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", key],
        input=sealed, capture_output=True, check=True,
    )  # fmt: skip
    assert b'"format": "rempart-package/1"' in done.stdout


def test_mutation_sealed_for_another_certificate_openssl_opens_nothing(affair, tmp_path):
    affair.make(1)
    other = tmp_path / "other.pem"
    other.write_bytes(format_private_key(make_rsa_key(number=1)))
    [(sealed,)] = affair.fetch(
        "SELECT sealed FROM incidents.package_file WHERE name = 'manifeste.json.cms'"
    )
    done = subprocess.run(
        ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", other],
        input=sealed, capture_output=True, check=False,
    )  # fmt: skip
    assert b"rempart-package" not in done.stdout


def test_nothing_is_in_clear_in_the_database(affair):
    affair.make(1)
    for table in ("package", "package_file", "packaged_person"):
        [(text,)] = affair.fetch(f"SELECT string_agg(t::text, '') FROM incidents.{table} AS t")
        assert "ESSAI" not in text
        assert b"ESSAI101".hex() not in text


def test_the_same_is_not_said_twice(affair):
    assert affair.make(1)[0].outcome is Outcome.MADE
    assert affair.make(1)[0].outcome is Outcome.MADE_ALREADY
    affair.send(1)
    assert affair.make(1)[0].outcome is Outcome.SAID_ALREADY
    affair.analyse([(1, 102, "B"), (1, 101, "A")])
    assert affair.make(1)[0].outcome is Outcome.SAID_ALREADY
    assert affair.fetch("SELECT count(*) FROM incidents.package") == [(1,)]


def test_mutation_without_a_digest_of_what_is_said_it_is_said_again(affair, monkeypatch):
    affair.make(1)
    affair.send(1)
    monkeypatch.setattr(workflow, "_find_said", lambda *_: None)
    assert affair.make(1)[0].outcome is Outcome.MADE


def test_the_next_package_tells_only_what_changed(affair, tmp_path):
    affair.make(1)
    affair.send(1)
    affair.analyse([(1, 102, "A"), (1, 103, "C")])
    [made] = affair.make(1, now=NOW + dt.timedelta(hours=1))
    assert (made.number, made.changed) == (2, 3)
    affair.send(1)
    first, second = map(read, drop(affair, tmp_path))
    assert second.note.basis == 1
    assert second.manifest["changes"] == {
        "added": 1,
        "raised": 1,
        "lowered": 0,
        "changed": 0,
        "removed": 1,
    }
    joined = JoinedList()
    joined.take(first)
    joined.take(second)
    assert [(row["family_name"], row["tier"]) for row in joined.rows()] == [
        ("ESSAI102", "A"),
        ("ESSAI103", "C"),
    ]
    with pytest.raises(PackageRefused, match="give that one too"):
        JoinedList().take(second)


def test_mutation_a_change_that_is_lost_is_noticed_by_its_receiver(affair, tmp_path):
    affair.make(1)
    affair.send(1)
    affair.analyse([(1, 102, "A"), (1, 103, "C")])
    affair.make(1)
    affair.send(1)
    first, second = map(read, drop(affair, tmp_path))
    short = second.lists[0].rsplit(b"\r\n", 2)[0] + b"\r\n"
    joined = JoinedList()
    joined.take(first)
    with pytest.raises(PackageRefused, match="not its sender's"):
        joined.take(dataclasses.replace(second, lists=(short,)))


def test_a_package_that_nobody_was_sent_is_replaced_under_its_number(affair):
    affair.make(1)
    affair.analyse([(1, 101, "A"), (1, 102, "A"), (1, 103, "A")])
    [made] = affair.make(1)
    assert (made.outcome, made.number, made.changed) == (Outcome.MADE, 1, 3)


def test_after_a_withdrawal_the_next_package_is_a_whole_list(affair, tmp_path):
    affair.make(1)
    ref = affair.send(1)
    with affair.database.transaction("analyst") as tx:
        tx.execute(
            "UPDATE incidents.package SET state = 'withdrawn', withdrawn_by = 1,"
            " withdrawn_for = 'mauvaise liste' WHERE package_ref = %s",
            (ref,),
        )
    [made] = affair.make(1)
    assert (made.outcome, made.number, made.changed) == (Outcome.MADE, 2, 2)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    assert read(path).note.basis == 0


def test_an_insurer_without_anybody_is_told_none_and_with_a_hole_that_it_cannot_be_said(affair):
    affair.add_key(2, make_certificate(make_rsa_key(number=2)))
    affair.analyse([(1, 101, "A")])
    assert affair.make(2)[0].conclusion is Conclusion.NONE
    affair.analyse([(1, 101, "A")], holes=[HOLE])
    [made] = affair.make(2)
    assert (made.outcome, made.conclusion) == (Outcome.MADE, Conclusion.UNKNOWN)


def test_mutation_if_a_hole_did_not_count_none_would_be_told(affair, monkeypatch):
    monkeypatch.setattr("rempart.incidents.coverage.Hole.may_hide", lambda *_: False)
    affair.add_key(2, make_certificate(make_rsa_key(number=2)))
    affair.analyse([(1, 101, "A")], holes=[HOLE])
    assert affair.make(2)[0].conclusion is Conclusion.NONE


def test_a_hole_that_hides_others_persons_is_not_told(affair, tmp_path):
    affair.analyse([(1, 101, "A")], holes=[{**HOLE, "insurers": [2]}])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    coverage = read(path).manifest["coverage"]
    assert (coverage["holes"], coverage["is_whole"]) == ([], True)


def test_a_person_deleted_since_stays_listed_by_reference(affair, tmp_path):
    affair.analyse([(1, 101, "A"), (1, 999, "A")])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    gone = next(row for row in rows_of(read(path)) if row["identity"] == "gone")
    assert gone["reference"].startswith("P-")
    assert (gone["tier"], gone["family_name"], gone["minor"]) == ("A", "", "unknown")


def test_two_insurers_that_claim_a_person_each_get_what_is_theirs(affair, tmp_path):
    affair.add_key(2, make_certificate(make_rsa_key(number=2)))
    affair.analyse([(1, 101, "A"), (2, 101, "B")])
    affair.make()
    affair.send(1)
    affair.send(2)
    first, second = drop(affair, tmp_path)
    assert [row["family_name"] for row in rows_of(read(first))] == ["ESSAI101"]
    other = PrivateKey(format_private_key(make_rsa_key(number=2)))
    [row] = rows_of(read(second, other))
    assert (row["identity"], row["family_name"], row["contract_number"]) == ("elsewhere", "", "")


def test_mutation_even_if_any_feed_could_name_somebody_a_record_opens_under_its_own_insurer(
    affair, monkeypatch
):
    affair.know(2, 202)
    affair.analyse([(1, 202, "A")])
    monkeypatch.setattr(
        "rempart.workflows.incidents.package_people.decide_identity", lambda *_: IdentityState.KNOWN
    )
    with pytest.raises(InconsistentRecord, match="does not open"):
        affair.make(1)


def test_who_comes_of_age_the_day_after_the_window_was_a_minor_in_it(affair, tmp_path):
    midnight = dt.datetime(2026, 6, 10, tzinfo=PARIS)
    with affair.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE incidents.incident SET starts_ms = %s, ends_ms = %s",
            (to_ms(midnight - dt.timedelta(days=1)), to_ms(midnight)),
        )
    affair.know(1, 104, make_record(104, birth_date="20080610", quality=3))
    affair.know(1, 105, make_record(105, birth_date="20080609", quality=3))
    affair.analyse([(1, 104, "A"), (1, 105, "A")])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    assert [row["minor"] for row in rows_of(read(path))] == ["yes", "no"]


def test_minors_and_families_are_told(affair, tmp_path):
    contract = make_record(101).contracts
    affair.know(1, 104, make_record(104, birth_date="20150610", quality=3, contracts=contract))
    affair.know(1, 105, make_record(105, birth_date="20071901", quality=3, contracts=contract))
    affair.analyse([(1, 101, "A"), (1, 104, "A"), (1, 105, "A")])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    rows = rows_of(read(path))
    assert [row["minor"] for row in rows] == ["no", "yes", "unknown"]
    assert [row["quality"] for row in rows] == ["insured", "child", "child"]
    assert len({row["family"] for row in rows}) == 1


def test_no_nir_and_no_address_leave(affair, tmp_path):
    record = make_record(106, email="x@example.org", phone="+33199001234", address="1 rue d'Essai")
    affair.know(1, 106, record)
    affair.analyse([(1, 106, "A")])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    text = b"".join(read(path).lists).decode()
    for word in (record.insured_nir, record.email, record.phone, record.address):
        assert word not in text


def test_a_name_that_is_a_formula_is_text(affair, tmp_path):
    affair.know(1, 107, make_record(107, family_name="=1+1"))
    affair.analyse([(1, 107, "A")])
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    assert rows_of(read(path))[0]["family_name"] == "'=1+1"


def test_that_names_leave_is_in_the_ledger_first(affair):
    affair.make(1)
    assert [type(act).__name__ for act in affair.acts.acts] == ["Bulk"]

    class Silent:
        def append(self, _acts):
            raise LedgerUnavailable("no ledger")

    affair.analyse([(1, 101, "B")])
    with pytest.raises(LedgerUnavailable):
        affair.make(1, acts=Silent())
    assert affair.fetch("SELECT persons_a, persons_b FROM incidents.package") == [(1, 1)]


def test_the_timeline_says_what_was_made(affair):
    affair.make(1)
    assert affair.fetch(
        "SELECT kind, insurer_id, details->>'number' FROM incidents.room_event"
    ) == [("package_made", 1, "1")]


def test_an_exercise_says_so_everywhere_and_never_goes_to_a_folder(database, tmp_path):
    affair = Affair(database, exercise=True)
    affair.add_insurer(1)
    affair.add_key(1)
    affair.know(1, 101)
    affair.analyse([(1, 101, "A")])
    affair.make(1)
    affair.send(1)
    names = [name for (name,) in affair.fetch("SELECT name FROM incidents.package_file")]
    assert all(name.startswith("EXERCICE-") for name in names)
    [(note,)] = affair.fetch("SELECT note FROM incidents.package")
    assert "\nexercise yes\n" in note
    with pytest.raises(NotAllowed, match="recipients of exercises only"):
        drop(affair, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_mutation_an_exercise_that_forgets_it_is_one_is_refused_by_the_database(database):
    affair = Affair(database, exercise=True)
    affair.add_insurer(1)
    affair.analyse([])
    with pytest.raises(Exception, match="exercise when its incident is one"):
        affair.fetch(
            "INSERT INTO incidents.package (package_ref, incident_id, insurer_id, number, basis,"
            " exercise, title, starts_ms, ends_ms, conclusion, persons_a, persons_b, persons_c,"
            " digest, state) VALUES (1, %s, 1, 1, 0, false, 't', 0, 1, 'none', 0, 0, 0,"
            " sha256(''), 'waiting') RETURNING 1",
            affair.incident_id,
        )


def test_a_tampered_package_is_refused_with_what_to_do(affair, tmp_path):
    affair.make(1)
    affair.send(1)
    [path] = drop(affair, tmp_path)
    whole = path.read_bytes()
    place = whole.rindex(b"personnes-0001.csv.cms")
    changed = bytearray(whole)
    changed[place + 900] ^= 1
    cases = {
        "was changed": bytes(changed),
        "none of the host's keys": whole.replace(b"number 1\n", b"number 2\n", 1),
        "cut short": whole[:-3000],
        "not a package": b"\0" * 10240,
        "it does not begin": whole[whole.index(b"destinataire.pem") :],
    }
    for words, content in cases.items():
        with pytest.raises(PackageRefused, match=words):
            open_package(io.BytesIO(content), TRUSTED, KEY)
    with pytest.raises(PackageRefused, match="none of the host's keys"):
        open_package(io.BytesIO(whole), [], KEY)
    with pytest.raises(SealRefused, match="not the one"):
        open_package(
            io.BytesIO(whole), TRUSTED, PrivateKey(format_private_key(make_rsa_key(number=1)))
        )
    key = PrivateKey(format_private_key(make_rsa_key(), b"secret"))
    with pytest.raises(SealRefused, match="needs its password"):
        open_package(io.BytesIO(whole), TRUSTED, key)


def test_a_certificate_replaced_before_sending_has_the_package_sealed_again(affair):
    affair.make(1)
    [before] = affair.fetch("SELECT key_ref FROM incidents.package")
    with affair.database.transaction("owner") as tx:
        tx.execute("UPDATE incidents.sealing_key SET state = 'revoked', ended_at = now()")
    assert affair.make(1)[0].outcome is Outcome.WAITING
    affair.add_key(1, make_certificate(make_rsa_key(number=3)))
    assert affair.make(1)[0].outcome is Outcome.MADE
    assert affair.fetch("SELECT key_ref FROM incidents.package") != [before]


def test_an_incident_that_was_not_analysed_or_does_not_exist_makes_nothing(database):
    affair = Affair(database)
    with pytest.raises(Conflict, match="was not analysed"):
        affair.make()
    affair.incident_id = 999
    with pytest.raises(NotFound, match="no incident 999"):
        affair.make()


def test_killed_in_the_middle_whole_packages_stay_and_the_same_command_goes_on(affair):
    affair.add_key(2, make_certificate(make_rsa_key(number=2)))

    class Killed(BaseException):
        pass

    def die(name: str, _done: int) -> None:
        if name == "Mutuelle 2":
            raise Killed

    affair.know(2, 201)
    with pytest.raises(Killed):
        affair.make(report=die)
    assert affair.fetch("SELECT insurer_id, state FROM incidents.package") == [(1, "made")]
    assert [one.outcome for one in affair.make()] == [Outcome.MADE_ALREADY, Outcome.MADE]


def test_the_same_inputs_give_the_same_lists(affair, tmp_path):
    affair.make(1)
    affair.send(1)
    lists = []
    for name in ("first", "second"):
        [path] = drop(affair, tmp_path / name)
        lists.append(read(path).lists)
        with affair.database.transaction("owner") as tx:
            tx.execute("TRUNCATE incidents.package CASCADE")
        affair.make(1)
        affair.send(1)
    assert lists[0] == lists[1]
