"""Public logs and a synthetic portal through their mappings: what must come out comes out."""

import pytest
from tests.foreign_portal import write_portal_log
from tests.foreign_samples import DATA, MAPPINGS, check_sums, facts, read

from rempart.disclosure.fields import Field
from rempart.exchange import foreign_records
from rempart.exchange.foreign_mapping import parse_mapping, read_mapping

THIEF_KEY = "ASIA5FLZVX4OPVKKVBMX"


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_mapping_we_give_holds_together(path):
    assert read_mapping(path).views


def test_the_public_web_log_is_read_whole(tmp_path):
    done = read(DATA / "apache", tmp_path / "w", read_mapping(MAPPINGS / "apache_access.toml"))
    [source] = done.sources
    assert (source.lines, source.unparsed) == (10_000, 0)
    assert source.facts + source.ignored == 10_000
    assert [stream.gaps for stream in done.streams] == [[]]
    check_sums(done)


def test_the_theft_of_keys_is_what_its_authors_told(tmp_path):
    """`aws s3 ls` twice, the bucket listed, then synchronised: one object, read twice."""
    mapping = read_mapping(MAPPINGS / "aws_cloudtrail.toml")
    done = read(DATA / "aws" / "ec2_proxy_s3_exfiltration.zip", tmp_path / "w", mapping)
    [source] = done.sources
    assert (source.lines, source.unparsed, source.ignored) == (103, 0, 92)
    rows = facts(done)
    assert {row["session"] for row in rows} == {THIEF_KEY}
    views = [row["view"] for row in rows]
    assert {name: views.count(name) for name in views} == {
        "list_objects": 7,
        "read_object": 2,
        "list_buckets": 2,
    }
    [taken] = {row["person"] for row in rows if row["view"] == "read_object"}
    assert taken.endswith("/ring.txt")
    assert {row["query_only"] for row in rows if row["view"] == "list_objects"} == {True}
    check_sums(done)


@pytest.mark.parametrize(
    ("name", "lines", "ignored", "people"),
    [
        ("audit_events.ndjson", 10, 0, 10),
        ("audit_bundle.json", 4, 1, 2),
        ("audit_event.json", 1, 0, 1),
    ],
)
def test_audit_events_name_each_patient_and_undo_the_query(tmp_path, name, lines, ignored, people):
    mapping = read_mapping(MAPPINGS / "fhir_auditevent.toml")
    done = read(DATA / "fhir" / name, tmp_path / "w", mapping)
    [source] = done.sources
    assert (source.lines, source.unparsed, source.ignored) == (lines, 0, ignored)
    rows = facts(done)
    assert sum(row["person"] is not None for row in rows) == people
    assert rows[0]["account"] == "ps-7"
    assert rows[0]["session"] == "jeton-a"
    assert rows[0]["address"] == "192.0.2.10"
    assert all(row["view"] for row in rows)
    check_sums(done)


def test_a_search_by_the_holder_of_a_contract_shows_the_family(tmp_path):
    mapping = read_mapping(MAPPINGS / "fhir_auditevent.toml")
    rows = facts(read(DATA / "fhir" / "audit_events.ndjson", tmp_path / "w", mapping))
    searched = [row for row in rows if row["line"] == 8]
    assert [(row["person"], row["family"]) for row in searched] == [
        ("c-2005", True),
        ("c-2006", True),
    ]
    [listed] = [row for row in rows if row["view"] == "patient_search"]
    assert listed["query_only"]
    assert listed["person"] is None
    [software] = [row for row in rows if row["line"] == 10]
    assert software["account"] == "poste-192-0-2-99"


def test_ocsf_records_need_no_places(tmp_path):
    mapping = parse_mapping("""
name = "OCSF"
format = "ocsf"
[places]
person = "web_resources[].uid"
[[views]]
name = "fiche"
path = "/adherents/{}"
shows = ["nir"]
""")
    record = (
        '{"class_uid": 6001, "time": 1706518800123, "actor": {"user": {"uid": "ps1"}, '
        '"session": {"uid": "s1"}}, "src_endpoint": {"ip": "192.0.2.1"}, "http_request": '
        '{"user_agent": "x", "url": {"url_string": "https://p.invalid/adherents/1?a=b"}}, '
        '"status_id": 1, "web_resources": [{"uid": "c1"}, {"uid": "c2"}]}\n'
    )
    path = tmp_path / "a.json"
    path.write_text(record)
    rows = facts(read(path, tmp_path / "w", mapping))
    assert [(r["person"], r["account"], r["session"], r["view"], r["outcome"]) for r in rows] == [
        ("c1", "ps1", "s1", "fiche", "shown"),
        ("c2", "ps1", "s1", "fiche", "shown"),
    ]
    assert rows[0]["t_ms"] == 1706518800123


@pytest.mark.parametrize(("people", "unparsed"), [(3, 0), (4, 1)])
def test_a_record_of_more_people_than_are_read_excludes_nobody(
    tmp_path, monkeypatch, people, unparsed
):
    monkeypatch.setattr(foreign_records, "MAX_PEOPLE", 3)
    mapping = parse_mapping("""
name = "OCSF"
format = "ocsf"
[places]
person = "web_resources[].uid"
[[views]]
name = "fiche"
path = "/adherents/{}"
shows = ["nir"]
""")
    record = (
        '{"class_uid": 6001, "time": %d, "actor": {"user": {"uid": "ps1"}}, "http_request": '
        '{"url": {"url_string": "https://p.invalid/adherents/1"}}, "web_resources": [%s]}\n'
    )
    named = ", ".join(f'{{"uid": "c{one}"}}' for one in range(people))
    path = tmp_path / "a.json"
    path.write_text(record % (1706518800123, '{"uid": "c9"}') + record % (1706518900123, named))
    done = read(path, tmp_path / "w", mapping)
    assert [one.unparsed for one in done.sources] == [unparsed]
    assert len(facts(done)) == 1 + (0 if unparsed else people)
    assert [gap.reason for one in done.streams for gap in one.gaps] == ["unparsed"] * unparsed
    check_sums(done)


def test_an_identifier_is_put_together_from_several_columns(tmp_path):
    mapping = parse_mapping("""
name = "CSV"
format = "csv"
[time]
place = "quand"
[places]
account = ["compte", { value = "inconnu" }]
person = { join = ["contrat", "rang"], with = "|" }
[[views]]
name = "tout"
where = { quand = ".*" }
shows = ["nir"]
""")
    path = tmp_path / "a.csv"
    path.write_text(
        "quand;compte;contrat;rang\n2024-01-29T10:00:00Z;ps1;12;1\n"
        '2024-01-29T10:00:01Z;;"13";\n2024-01-29T10:00:02Z;ps1;;2\nx;y\n'
    )
    done = read(path, tmp_path / "w", mapping)
    assert [(row["account"], row["person"]) for row in facts(done)] == [
        ("ps1", "12|1"),
        ("inconnu", "13"),
        ("ps1", None),
    ]
    assert done.sources[0].reasons == {"not as many columns as the header": 1}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everybody_a_thief_saw_is_in_the_facts_of_their_sessions_and_nobody_else(tmp_path, seed):
    portal = write_portal_log(tmp_path / "logs", seed=seed)
    done = read(tmp_path / "logs", tmp_path / "w", parse_mapping(portal.mapping))
    shown = [
        row
        for row in facts(done)
        if row["session"] in portal.thief_sessions and row["outcome"] == "shown"
    ]
    by_person: dict[str, set[str]] = {}
    for row in shown:
        if not row["query_only"]:
            by_person.setdefault(row["person"], set()).add(row["view"])
    assert by_person == portal.exposed
    assert {row["person"] for row in shown if row["query_only"]} == portal.searched
    assert {row["account"] for row in shown} == set(portal.stolen)
    assert all(row["shown"] & Field.FAMILY_NAME for row in shown)
    [stream] = done.streams
    assert len(stream.sources) == 5
    # Nobody works at night: the nights between days are not told as gaps, but the ends are.
    assert {gap.reason for gap in stream.gaps} <= {"before_first_line", "after_last_line", "silent"}
    check_sums(done)


def test_the_sum_over_an_account_would_name_its_owners_people_too(tmp_path):
    """The mutation of the test above: without sessions, the owner's own people are named."""
    portal = write_portal_log(tmp_path / "logs", seed=1)
    done = read(tmp_path / "logs", tmp_path / "w", parse_mapping(portal.mapping))
    by_account = {
        row["person"]
        for row in facts(done)
        if row["account"] in portal.stolen and row["outcome"] == "shown" and not row["query_only"]
    }
    assert by_account - set(portal.exposed) - {None}
