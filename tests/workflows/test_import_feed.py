"""What a feed does to the people it speaks of, on a real database."""

from pathlib import Path

import pytest
from tests.feed_samples import (
    AMC,
    OTHER_AMC,
    list_periods,
    make_card,
    make_nir,
    make_row,
    publish,
    read_findings,
    read_people,
    read_person,
    register,
    run_import,
    write_feed,
)

from rempart.kernel.errors import FeedRefused
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.feeds.import_feed import FeedPublished, FeedUnchanged


@pytest.fixture(autouse=True)
def insurer(database: Database) -> None:
    register(database)


def test_a_full_feed_covers_its_people(database: Database, home: Home, tmp_path: Path):
    feed = write_feed(tmp_path / "full.csv", [make_row(1), make_row(2, family_name="LEFÈVRE")])
    outcome = publish(database, home, feed)
    assert (outcome.applied, outcome.rejected) == (2, 0)
    people = read_people(database, home)
    assert [person["record"]["family_name"] for person in people] == ["DURAND", "LEFÈVRE"]
    assert people[0]["record"]["contracts"] == [
        ("C000001", "M000001", make_card(1).replace("-", ""))
    ]
    assert [list_periods(person) for person in people] == [[("2024-01-01", "infinity")]] * 2
    # Found by typed identifiers and by card, and by nothing else.
    assert [len(person["lookup"]) for person in people] == [2, 2]
    assert [person["stored"] for person in people] == [[], []]


def test_the_same_file_twice_changes_nothing_and_says_so(
    database: Database, home: Home, tmp_path: Path
):
    feed = write_feed(tmp_path / "full.csv", [make_row(1)])
    first = publish(database, home, feed)
    before = read_people(database, home)
    again = run_import(database, home, feed)
    assert isinstance(again, FeedUnchanged)
    assert again.feed_version == first.feed_version
    assert read_people(database, home) == before


def test_the_same_rows_in_another_file_open_no_new_sheet(
    database: Database, home: Home, tmp_path: Path
):
    rows = [make_row(1), make_row(2)]
    publish(database, home, write_feed(tmp_path / "january.csv", rows))
    before = read_people(database, home)
    publish(database, home, write_feed(tmp_path / "february.csv", rows[::-1], end="\r\n"))
    assert read_people(database, home) == before


def test_an_old_full_feed_is_not_applied_over_later_ones(
    database: Database, home: Home, tmp_path: Path
):
    old = write_feed(tmp_path / "january.csv", [make_row(1, city="Paris")])
    publish(database, home, old)
    publish(database, home, write_feed(tmp_path / "february.csv", [make_row(1, city="Lyon")]))
    outcome = run_import(database, home, old)
    assert isinstance(outcome, FeedUnchanged)
    assert outcome.superseded
    assert read_person(database, home)["record"]["city"] == "Lyon"
    publish(database, home, old, again=True)
    assert read_person(database, home)["record"]["city"] == "Paris"


def test_a_full_feed_closes_those_it_does_not_state(database: Database, home: Home, tmp_path: Path):
    publish(database, home, write_feed(tmp_path / "1.csv", [make_row(1), make_row(2)]))
    outcome = publish(database, home, write_feed(tmp_path / "2.csv", [make_row(2)]))
    assert (outcome.closed, outcome.left) == (1, 1)
    gone, kept = read_people(database, home)
    assert (gone["rights"], gone["past"], gone["lookup"]) == ([], [], [])
    assert len(gone["history"]) == 1
    assert len(gone["stored"]) == 2
    assert list_periods(kept) == [("2024-01-01", "infinity")]


def test_somebody_who_comes_back_is_the_same_person_with_their_history(
    database: Database, home: Home, tmp_path: Path
):
    publish(database, home, write_feed(tmp_path / "1.csv", [make_row(1), make_row(2)]))
    publish(database, home, write_feed(tmp_path / "2.csv", [make_row(2)]))
    publish(database, home, write_feed(tmp_path / "3.csv", [make_row(2), make_row(1)]))
    back, _ = read_people(database, home)
    assert list_periods(back) == [("2024-01-01", "infinity")]
    assert len(back["history"]) == 1
    assert (len(back["lookup"]), back["stored"]) == (2, [])


def test_an_insurer_that_loses_a_third_of_its_people_at_once_sent_half_a_file(
    database: Database, home: Home, tmp_path: Path
):
    rows = [make_row(serial) for serial in range(1, 121)]
    publish(database, home, write_feed(tmp_path / "1.csv", rows))
    before = read_people(database, home)
    half = write_feed(tmp_path / "2.csv", rows[:60])
    with pytest.raises(FeedRefused, match="60 of 120 members are not in this full feed"):
        run_import(database, home, half)
    assert read_people(database, home) == before
    assert publish(database, home, half, max_closed_share=0.5).closed == 60


def test_a_rejected_row_takes_no_rights_away(database: Database, home: Home, tmp_path: Path):
    publish(database, home, write_feed(tmp_path / "1.csv", [make_row(1), make_row(2)]))
    before = read_people(database, home)
    rows = [make_row(1, terms="PHAR=?"), make_row(2)]
    outcome = publish(database, home, write_feed(tmp_path / "2.csv", rows))
    assert (outcome.rejected, outcome.closed) == (1, 0)
    assert read_people(database, home) == before


class TestDelta:
    """A delta states what changed, line by line."""

    def test_it_adds_changes_and_leaves_the_rest(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)]))
        delta = [make_row(2, period_end="2026-12-31"), make_row(3, period_start="2026-11-01")]
        publish(database, home, write_feed(tmp_path / "delta.csv", delta))
        assert [list_periods(person) for person in read_people(database, home)] == [
            [("2024-01-01", "infinity")],
            [("2024-01-01", "2026-12-31")],
            [("2026-11-01", "infinity")],
        ]

    def test_it_is_never_applied_twice_even_after_another_one(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        first = write_feed(tmp_path / "delta-1.csv", [make_row(1, period_end="2026-12-31")])
        publish(database, home, first)
        second = write_feed(tmp_path / "delta-2.csv", [make_row(1, period_end="2027-06-30")])
        publish(database, home, second)
        assert isinstance(run_import(database, home, first), FeedUnchanged)
        assert list_periods(read_person(database, home)) == [("2024-01-01", "2027-06-30")]

    @pytest.mark.parametrize("closing_first", [True, False])
    def test_a_new_contract_may_precede_the_row_that_closes_the_old_one(
        self, database: Database, home: Home, tmp_path: Path, *, closing_first: bool
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        closing = make_row(1, period_end="2026-11-30")
        opening = make_row(1, contract_number="NEW", period_start="2026-12-01")
        rows = [closing, opening] if closing_first else [opening, closing]
        outcome = publish(database, home, write_feed(tmp_path / "delta.csv", rows))
        assert (outcome.applied, outcome.rejected) == (2, 0)
        assert list_periods(read_person(database, home)) == [
            ("2024-01-01", "2026-11-30"),
            ("2026-12-01", "infinity"),
        ]

    def test_a_new_contract_over_one_that_stays_is_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        delta = write_feed(
            tmp_path / "delta.csv",
            [make_row(2), make_row(1, contract_number="NEW", period_start="2026-12-01")],
        )
        findings = tmp_path / "findings.csv"
        outcome = publish(database, home, delta, findings_path=findings)
        assert (outcome.applied, outcome.rejected) == (1, 1)
        assert read_findings(findings) == [(3, "period_start", "duplicate_coverage")]
        assert list_periods(read_people(database, home)[0]) == [("2024-01-01", "infinity")]

    def test_a_retroactive_start_is_a_removal_and_a_new_line(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        rows = [make_row(1, period_start="2023-10-01"), make_row(1, action="remove")]
        publish(database, home, write_feed(tmp_path / "delta.csv", rows))
        assert list_periods(read_person(database, home)) == [("2023-10-01", "infinity")]

    def test_a_line_that_never_existed_is_removed_and_its_person_leaves(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)]))
        removal = write_feed(tmp_path / "delta.csv", [make_row(1, action="remove")])
        assert publish(database, home, removal).left == 1
        gone = read_people(database, home)[0]
        assert (gone["rights"], gone["past"], gone["lookup"]) == ([], [], [])

    def test_removing_what_is_not_there_is_a_finding(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        rows = [
            make_row(1, action="remove", period_start="2020-01-01"),
            make_row(9, action="remove"),
            make_row(1, city="Lyon"),
        ]
        findings = tmp_path / "findings.csv"
        outcome = publish(
            database, home, write_feed(tmp_path / "delta.csv", rows), findings_path=findings
        )
        assert outcome.rejected == 2
        assert {rule for _, _, rule in read_findings(findings)} == {"unknown_line"}

    def test_a_retroactive_termination_makes_a_former_member(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        ended = write_feed(tmp_path / "delta.csv", [make_row(1, period_end="2026-10-31")])
        assert publish(database, home, ended).left == 1
        person = read_person(database, home)
        assert (person["rights"], len(person["past"])) == ([], 1)
        assert (person["lookup"], len(person["stored"])) == ([], 2)

    def test_a_reinstatement_brings_rights_and_keys_back(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        ended = write_feed(tmp_path / "delta-1.csv", [make_row(1, period_end="2026-10-31")])
        publish(database, home, ended)
        publish(database, home, write_feed(tmp_path / "delta-2.csv", [make_row(1, city="Lyon")]))
        person = read_person(database, home)
        assert list_periods(person) == [("2024-01-01", "infinity")]
        assert (len(person["lookup"]), person["stored"], person["past"]) == (2, [], [])

    def test_a_change_of_name_or_contact_opens_no_sheet(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        before = read_person(database, home)
        moved = make_row(1, family_name="MARTIN", birth_name="DURAND", city="Lyon", phone="")
        publish(database, home, write_feed(tmp_path / "delta.csv", [moved]))
        after = read_person(database, home)
        assert after["record"]["family_name"] == "MARTIN"
        assert (after["record"]["city"], after["record"]["phone"]) == ("Lyon", "")
        for name in ("rights", "history", "lookup"):
            assert after[name] == before[name]

    def test_a_new_card_replaces_the_old_one(self, database: Database, home: Home, tmp_path: Path):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
        before = read_person(database, home)
        delta = write_feed(tmp_path / "delta.csv", [make_row(1, card_code=make_card(99))])
        publish(database, home, delta)
        after = read_person(database, home)
        [kept] = set(before["lookup"]) & set(after["lookup"])
        assert set(after["stored"]) == set(before["lookup"]) - {kept}
        assert len(after["lookup"]) == 2

    def test_a_lifted_suspension_is_a_new_sheet_of_the_same_line(
        self, database: Database, home: Home, tmp_path: Path
    ):
        suspended = make_row(1, suspended_from="2026-09-01")
        publish(database, home, write_feed(tmp_path / "full.csv", [suspended]))
        lifted = make_row(1, suspended_from="2026-09-01", suspended_to="2026-11-15")
        publish(database, home, write_feed(tmp_path / "delta.csv", [lifted]))
        person = read_person(database, home)
        [before], [after] = person["history"], person["rights"]
        assert (before[3:5], after[3:5]) == (
            ("{2026-09-01}", "{infinity}"),
            ("{2026-09-01}", "{2026-11-15}"),
        )


class TestIdentifiers:
    """One NIR, several people; one person, several numbers."""

    def test_twins_on_one_nir_are_told_apart_by_their_rank(
        self, database: Database, home: Home, tmp_path: Path
    ):
        twins = [
            make_row(
                serial, insured_nir=make_nir(1), birth_date="20150203", birth_rank=rank, quality="3"
            )
            for serial, rank in ((1, "1"), (2, "2"))
        ]
        publish(database, home, write_feed(tmp_path / "full.csv", twins))
        assert [person["record"]["birth_rank"] for person in read_people(database, home)] == [
            "1",
            "2",
        ]

    def test_a_family_shares_one_nir(self, database: Database, home: Home, tmp_path: Path):
        family = [
            make_row(1),
            make_row(2, insured_nir=make_nir(1), own_nir=make_nir(2, sex=1), birth_date="19830101"),
            make_row(3, insured_nir=make_nir(1), birth_date="20150203", quality="3"),
        ]
        publish(database, home, write_feed(tmp_path / "full.csv", family))
        people = read_people(database, home)
        # The spouse is found by their own NIR too.
        assert sorted(len(person["lookup"]) for person in people) == [2, 2, 3]

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"birth_date": "19421901"}, id="a lunar birth date"),
            pytest.param({"insured_nir": make_nir(place="2A004")}, id="born in southern Corsica"),
            pytest.param({"insured_nir": make_nir(place="2B033")}, id="born in northern Corsica"),
            pytest.param({"insured_nir": make_nir(place="99109")}, id="born abroad"),
            pytest.param({"insured_nir": make_nir(1, sex=7)}, id="a waiting number"),
        ],
    )
    def test_unusual_identifiers_are_usual(
        self, database: Database, home: Home, tmp_path: Path, changes: dict[str, str]
    ):
        feed = write_feed(tmp_path / "full.csv", [make_row(1, **changes)])
        assert publish(database, home, feed).applied == 1
        assert len(read_person(database, home)["lookup"]) == 2

    @pytest.mark.parametrize("name", ["next.csv", "delta.csv"])
    def test_a_waiting_number_gives_way_to_the_nir_and_the_person_stays_the_same(
        self, database: Database, home: Home, tmp_path: Path, name: str
    ):
        waiting = make_nir(1, sex=7)
        publish(
            database,
            home,
            write_feed(tmp_path / "full.csv", [make_row(1, insured_nir=waiting)]),
        )
        before = read_person(database, home)
        row = make_row(1, insured_nir=make_nir(1, sex=1), previous_nir=waiting)
        publish(database, home, write_feed(tmp_path / name, [row]))
        after = read_person(database, home)
        assert after["record"]["insured_nir"] == make_nir(1, sex=1)[:13]
        assert after["history"] == []
        [given_up] = set(before["lookup"]) - set(after["lookup"])
        assert (after["stored"], len(after["lookup"])) == ([given_up], 2)

    def test_a_row_under_the_old_number_still_finds_the_person(
        self, database: Database, home: Home, tmp_path: Path
    ):
        waiting, nir = make_nir(1, sex=7), make_nir(1, sex=1)
        known = make_row(1, insured_nir=nir, previous_nir=waiting)
        publish(database, home, write_feed(tmp_path / "full.csv", [known]))
        late = make_row(1, insured_nir=waiting, period_end="2026-12-31")
        publish(database, home, write_feed(tmp_path / "delta.csv", [late]))
        assert list_periods(read_person(database, home)) == [("2024-01-01", "2026-12-31")]

    def test_a_spouse_who_is_insured_elsewhere_in_the_feed_is_one_person(
        self, database: Database, home: Home, tmp_path: Path
    ):
        own = make_nir(2, sex=1)
        rows = [
            make_row(1, insured_nir=make_nir(1), own_nir=own, period_end="2025-12-31"),
            make_row(2, insured_nir=own, period_start="2026-01-01"),
        ]
        publish(database, home, write_feed(tmp_path / "full.csv", rows))
        person = read_person(database, home)
        assert list_periods(person) == [("2024-01-01", "2025-12-31"), ("2026-01-01", "infinity")]
        assert [number for number, _, _ in person["record"]["contracts"]] == ["C000001", "C000002"]

    def test_two_contracts_on_one_day_are_a_finding_on_the_later_row(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [make_row(1), make_row(2), make_row(1, contract_number="OTHER")]
        findings = tmp_path / "findings.csv"
        outcome = publish(
            database, home, write_feed(tmp_path / "full.csv", rows), findings_path=findings
        )
        assert (outcome.applied, outcome.rejected) == (2, 1)
        assert read_findings(findings) == [(4, "period_start", "duplicate_coverage")]
        contracts = read_people(database, home)[0]["record"]["contracts"]
        assert [number for number, _, _ in contracts] == ["C000001"]

    def test_the_same_row_twice_is_a_finding_and_counts_once(
        self, database: Database, home: Home, tmp_path: Path
    ):
        findings = tmp_path / "findings.csv"
        feed = write_feed(tmp_path / "full.csv", [make_row(1), make_row(1)])
        assert publish(database, home, feed, findings_path=findings).applied == 1
        assert read_findings(findings) == [(3, "period_start", "duplicate_row")]

    def test_a_card_code_designates_one_person(
        self, database: Database, home: Home, tmp_path: Path
    ):
        findings = tmp_path / "findings.csv"
        feed = write_feed(tmp_path / "full.csv", [make_row(1), make_row(2, card_code=make_card(1))])
        outcome = publish(database, home, feed, findings_path=findings)
        assert (outcome.applied, outcome.rejected) == (1, 1)
        assert read_findings(findings) == [(3, "card_code", "card_code_taken")]

    def test_a_card_code_of_another_insurers_member_is_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        register(database, insurer_id=8, amc_number=OTHER_AMC)
        other = write_feed(tmp_path / "other.csv", [make_row(1, amc_number=OTHER_AMC)])
        publish(database, home, other, insurer_id=8)
        before = read_people(database, home, 8)
        findings = tmp_path / "findings.csv"
        feed = write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)])
        publish(database, home, feed, findings_path=findings)
        assert read_findings(findings) == [(2, "card_code", "card_code_taken")]
        assert read_people(database, home, 8) == before

    def test_numbers_of_two_known_people_on_one_row_are_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)]))
        before = read_people(database, home)
        findings = tmp_path / "findings.csv"
        rows = [make_row(1, previous_nir=make_nir(2), city="Lyon"), make_row(3)]
        publish(database, home, write_feed(tmp_path / "delta.csv", rows), findings_path=findings)
        assert read_findings(findings) == [(2, "insured_nir", "two_persons")]
        assert read_people(database, home)[:2] == before


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    database: Database, home: Home, tmp_path: Path
):
    publish(database, home, write_feed(tmp_path / "1.csv", [make_row(1), make_row(2)]))
    before = read_people(database, home)
    feed = write_feed(tmp_path / "2.csv", [make_row(2), make_row(3), make_row(4, quality="9")])
    findings = tmp_path / "findings.csv"
    outcome = publish(database, home, feed, dry_run=True, findings_path=findings)
    assert (outcome.applied, outcome.rejected, outcome.closed) == (2, 1, 1)
    assert read_findings(findings) == [(4, "quality", "quality")]
    assert read_people(database, home) == before
    assert isinstance(run_import(database, home, feed), FeedPublished)


def test_the_rows_of_an_amc_number_written_short_are_its_own(
    database: Database, home: Home, tmp_path: Path
):
    register(database, insurer_id=9, amc_number="0012345678")
    feed = write_feed(tmp_path / "full.csv", [make_row(1, amc_number="12345678")])
    assert publish(database, home, feed, insurer_id=9).applied == 1
    assert AMC != "0012345678"
