"""When a feed's lines are cut to their days, and when a feed is refused whole."""

import threading
from pathlib import Path

import pytest
from tests.feed_samples import (
    INSURER,
    OTHER_AMC,
    count_rows,
    list_periods,
    make_card,
    make_row,
    publish,
    read_findings,
    read_people,
    read_person,
    register,
    run_import,
    write_feed,
)

from rempart.kernel.errors import Conflict, FeedRefused, NotFound
from rempart.storage.connect import Database
from rempart.wiring.home import Home


@pytest.fixture(autouse=True)
def insurer(database: Database) -> None:
    register(database)


class TestPeriods:
    """When rights are open, and for whom they are kept."""

    def test_the_agreement_with_the_operator_cuts_the_lines(
        self, database: Database, home: Home, tmp_path: Path
    ):
        row = make_row(
            1,
            period_start="2019-05-01",
            agreement_start="2023-01-01",
            agreement_end="2027-12-31",
        )
        publish(database, home, write_feed(tmp_path / "full.csv", [row]))
        assert list_periods(read_person(database, home)) == [("2023-01-01", "2027-12-31")]

    def test_somebody_never_covered_inside_the_agreement_is_not_kept(
        self, database: Database, home: Home, tmp_path: Path
    ):
        left = make_row(1, period_end="2024-06-30", agreement_start="2025-01-01")
        publish(database, home, write_feed(tmp_path / "full.csv", [left, make_row(2)]))
        assert len(read_people(database, home)) == 1

    def test_former_members_of_a_first_feed_never_enter_the_gateways_reach(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [make_row(1, period_end="2026-11-21"), make_row(2, period_end="2026-11-22")]
        publish(database, home, write_feed(tmp_path / "full.csv", rows))
        former, member = read_people(database, home)
        assert (former["rights"], former["lookup"], len(former["past"])) == ([], [], 1)
        assert (len(member["rights"]), len(member["lookup"])) == (1, 2)

    def test_the_card_of_an_ended_contract_opens_nothing(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [
            make_row(1, period_end="2025-12-31"),
            make_row(1, contract_number="NEW", period_start="2026-01-01", card_code=make_card(50)),
        ]
        publish(database, home, write_feed(tmp_path / "full.csv", rows))
        person = read_person(database, home)
        assert (len(person["lookup"]), len(person["stored"])) == (2, 1)

    def test_the_cards_of_a_present_and_of_a_coming_contract_both_open(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [
            make_row(1, period_end="2026-12-31"),
            make_row(1, contract_number="NEW", period_start="2027-01-01", card_code=make_card(50)),
        ]
        publish(database, home, write_feed(tmp_path / "full.csv", rows))
        assert len(read_person(database, home)["lookup"]) == 3

    def test_the_latest_period_says_who_somebody_is_whatever_the_order_of_the_rows(
        self, database: Database, home: Home, tmp_path: Path
    ):
        married = make_row(1, family_name="MARTIN", period_start="2026-01-01")
        single = make_row(1, contract_number="OLD", period_end="2025-12-31")
        publish(database, home, write_feed(tmp_path / "full.csv", [married, single]))
        assert read_person(database, home)["record"]["family_name"] == "MARTIN"


class TestRefusals:
    """Feeds that cannot be applied change nothing."""

    def test_too_many_rejected_rows_publish_nothing_and_leave_nothing(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [make_row(serial) for serial in range(1, 10)] + [make_row(10, quality="9")]
        findings = tmp_path / "findings.csv"
        feed = write_feed(tmp_path / "full.csv", rows)
        with pytest.raises(FeedRefused, match="1 of 10 rows are rejected, more than 5%"):
            run_import(database, home, feed, max_reject_share=0.05, findings_path=findings)
        assert read_findings(findings) == [(11, "quality", "quality")]
        with database.transaction("admin") as tx:
            assert set(count_rows(tx).values()) == {0}
        assert publish(database, home, feed, max_reject_share=0.10).applied == 9

    def test_a_refused_delta_leaves_people_as_they_were(
        self, database: Database, home: Home, tmp_path: Path
    ):
        publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1), make_row(2)]))
        before = read_people(database, home)
        rows = [
            make_row(1, family_name="MARTIN", card_code=make_card(60), period_end="2026-12-31"),
            make_row(2, action="remove"),
            make_row(3),
            make_row(4, terms="?"),
        ]
        delta = write_feed(tmp_path / "delta.csv", rows)
        with pytest.raises(FeedRefused):
            run_import(database, home, delta, max_reject_share=0.05)
        assert read_people(database, home) == before

    def test_a_feed_of_an_insurer_nobody_registered_is_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        feed = write_feed(tmp_path / "full.csv", [make_row(1)])
        with pytest.raises(NotFound, match="give its name"):
            run_import(database, home, feed, insurer_id=99)

    def test_another_insurers_rows_are_refused(
        self, database: Database, home: Home, tmp_path: Path
    ):
        findings = tmp_path / "findings.csv"
        feed = write_feed(tmp_path / "full.csv", [make_row(1), make_row(2, amc_number=OTHER_AMC)])
        publish(database, home, feed, findings_path=findings)
        assert read_findings(findings) == [(3, "amc_number", "other_insurer")]

    @pytest.mark.parametrize("rows", [[], [make_row(1, quality="9")]])
    def test_a_feed_without_a_good_row_never_closes_everybody(
        self, database: Database, home: Home, tmp_path: Path, rows: list[dict[str, str]]
    ):
        publish(database, home, write_feed(tmp_path / "1.csv", [make_row(2)]))
        with pytest.raises(FeedRefused):
            run_import(database, home, write_feed(tmp_path / "2.csv", rows))
        assert len(read_person(database, home)["rights"]) == 1

    def test_one_import_of_an_insurer_at_a_time(
        self, database: Database, home: Home, tmp_path: Path
    ):
        feed = write_feed(tmp_path / "full.csv", [make_row(1)])
        with database.connect("feeds", autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(1380273489, %s)", (INSURER,))
            with pytest.raises(Conflict, match="another import of insurer 7 is running"):
                run_import(database, home, feed)

    def test_an_import_that_just_ended_is_waited_for(
        self, database: Database, home: Home, tmp_path: Path
    ):
        feed = write_feed(tmp_path / "full.csv", [make_row(1)])
        with database.connect("feeds", autocommit=True) as other:
            other.execute("SELECT pg_advisory_lock(1380273489, %s)", (INSURER,))
            leaving = threading.Timer(0.3, other.close)
            leaving.start()
            publish(database, home, feed)
            leaving.join()

    @pytest.mark.parametrize(
        ("name", "changes"),
        [
            ("full.csv", {"period_end": "2025-12-31"}),
            ("full.csv", {"agreement_end": "2025-12-31"}),
            ("full.csv", {"period_start": "2020-01-01", "agreement_end": "2021-12-31"}),
            ("delta.csv", {"period_end": "2025-12-31"}),
            ("delta.csv", {"action": "remove"}),
        ],
    )
    def test_a_feed_that_ends_the_lines_of_a_third_at_once_is_refused(
        self,
        database: Database,
        home: Home,
        tmp_path: Path,
        name: str,
        changes: dict[str, str],
    ):
        rows = [make_row(serial) for serial in range(1, 121)]
        publish(database, home, write_feed(tmp_path / "before.csv", rows))
        before = read_people(database, home)
        ended = [row | changes for row in rows[:60]]
        feed = write_feed(tmp_path / name, ended if "delta" in name else ended + rows[60:])
        with pytest.raises(FeedRefused, match=r"60 of 120 members .* no line left"):
            run_import(database, home, feed)
        assert read_people(database, home) == before
        assert publish(database, home, feed, max_closed_share=0.5).closed == 60

    def test_a_year_end_that_a_third_of_the_members_renew_closes_nobody(
        self, database: Database, home: Home, tmp_path: Path
    ):
        rows = [make_row(serial, period_end="2026-12-31") for serial in range(1, 121)]
        publish(database, home, write_feed(tmp_path / "before.csv", rows))
        renewed = [
            make_row(serial, contract_number=f"N{serial}", period_start="2027-01-01", card_code="")
            for serial in range(1, 121)
        ]
        delta = write_feed(tmp_path / "delta.csv", renewed)
        assert publish(database, home, delta).closed == 0
