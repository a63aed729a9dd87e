"""What a scope does with bad input: nothing ignored in silence, nobody excluded by a doubt."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.scope_samples import (
    AMC,
    DAY_MS,
    DECLARED,
    END_MS,
    HIT,
    OTHER_AMC,
    OWNER,
    PEOPLE,
    START_MS,
    World,
    ask_world,
    make_fact,
    make_past,
    make_person,
    make_raid,
    make_world,
    read_csv,
    read_list,
    write_feed,
    write_lines,
)

from rempart.exchange.foreign_facts import Gap
from rempart.exchange.scope_inputs import ScopeRefused, read_addresses
from rempart.kernel.errors import FeedRefused
from rempart.workflows.scope.accounts import Match


@pytest.fixture
def ask(monkeypatch):
    """Asks a world: see `ask_world`."""
    return partial(ask_world, monkeypatch)


def tiers(figures: dict[str, Any], amc: str = AMC) -> dict[str, int]:
    [insurer] = [one for one in figures["insurers"] if one["amc_number"] == amc]
    return insurer["tiers"]


def test_a_whole_record_names_the_persons_and_excludes_the_others(ask, tmp_path):
    assert tiers(ask(make_world(tmp_path))) == {"A": 20, "B": 0, "C": 0, "D": 40}


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        pytest.param(
            {
                "gaps": [
                    Gap(from_ms=START_MS + DAY_MS, to_ms=START_MS + 2 * DAY_MS, reason="silent")
                ]
            },
            "log_gap",
            id="a missing day",
        ),
        pytest.param({"missing": ["frontal-2"]}, "log_gap", id="a declared log without a file"),
        pytest.param({"period": None}, "no_declared_coverage", id="no declared period"),
        pytest.param(
            {"period": (START_MS + 1, DECLARED[1])}, "no_declared_coverage", id="begins too late"
        ),
        pytest.param(
            {"period": (DECLARED[0], END_MS - 1)}, "no_declared_coverage", id="ends too early"
        ),
        pytest.param(
            {"accounts": ("account", "ps-1", "ps-12")}, "account_to_confirm", id="a near name"
        ),
    ],
)
def test_mutation_any_hole_of_the_record_leaves_everybody_uncertain(ask, tmp_path, changed, doubt):
    figures = ask(make_world(tmp_path, **changed))
    assert tiers(figures) == {"A": 20, "B": 0, "C": 40, "D": 0}
    assert figures["coverage"] == {"whole": False, "doubts": [doubt]}
    reasons = {one["reasons"] for one in read_list(tmp_path / "answer") if one["tier"] == "C"}
    assert reasons == {doubt}


def test_a_hole_outside_the_attack_hides_nobody(ask, tmp_path):
    before = Gap(from_ms=START_MS - DAY_MS, to_ms=START_MS, reason="silent")
    after = Gap(from_ms=END_MS, to_ms=END_MS + DAY_MS, reason="after_last_line")
    assert tiers(ask(make_world(tmp_path, gaps=[before, after])))["D"] == 40


@pytest.mark.parametrize(
    ("fact", "doubt"),
    [
        pytest.param({"view": "", "shown": 0}, "screen_of_unknown_person", id="unknown screen"),
        pytest.param({"query_only": True}, "search_of_unknown_person", id="search"),
        pytest.param({}, "search_of_unknown_person", id="a screen without its person"),
    ],
)
def test_a_screen_that_names_nobody_may_have_shown_anybody(ask, tmp_path, fact, doubt):
    world = make_world(tmp_path)
    world.facts = [*world.facts, make_fact(START_MS + 60_000, **fact)]
    figures = ask(world)
    assert tiers(figures) == {"A": 20, "B": 0, "C": 40, "D": 0}
    assert figures["insurers"][0]["reasons"] == {"thief_session": 20, doubt: 40}
    [row] = read_csv(tmp_path / "answer" / "unknown.csv")
    assert row["file"] == "portal.log"


def test_a_search_that_names_an_insurer_may_have_shown_its_people_only(ask, tmp_path):
    others = [make_person(n, amc=OTHER_AMC) for n in range(100, 110)]
    world = make_world(tmp_path, people=[*PEOPLE, *others])
    world.facts = [*world.facts, make_fact(START_MS + 60_000, query_only=True, insurer=OTHER_AMC)]
    figures = ask(world)
    assert tiers(figures) == {"A": 20, "B": 0, "C": 0, "D": 40}
    assert tiers(figures, OTHER_AMC) == {"A": 0, "B": 0, "C": 10, "D": 0}


def test_an_unknown_screen_about_somebody_leaves_them_uncertain(ask, tmp_path):
    world = make_world(tmp_path)
    shown = make_fact(START_MS + 60_000, view="", shown=0, typed=0, person=PEOPLE[30].typed)
    world.facts = [*world.facts, shown]
    figures = ask(world)
    assert tiers(figures) == {"A": 20, "B": 0, "C": 1, "D": 39}
    [row] = [one for one in read_list(tmp_path / "answer") if one["tier"] == "C"]
    assert (row["fields"], row["reasons"]) == ("", "thief_session unknown_screen")


def test_an_outcome_that_the_log_does_not_tell_is_not_a_refusal(ask, tmp_path):
    world = make_world(tmp_path)
    unknown = [
        make_fact(START_MS + 60_000 + n, outcome=outcome, person=PEOPLE[30 + n].typed)
        for n, outcome in enumerate(("unknown", "refused", "error", "nobody"))
    ]
    world.facts = [*world.facts, *unknown]
    assert tiers(ask(world)) == {"A": 20, "B": 0, "C": 1, "D": 39}


def test_lines_that_name_no_account_may_be_the_thiefs(ask, tmp_path):
    world = make_world(tmp_path)
    world.facts = [*world.facts, make_fact(START_MS + 60_000, account="", person="X")]
    assert ask(world)["coverage"]["doubts"] == ["lines_without_account"]


def test_identifiers_of_another_numbering_exclude_nobody(ask, tmp_path):
    world = make_world(tmp_path)
    world.facts = [*make_past(), *make_raid([f"#{n}/REF" for n in range(20)])]
    figures = ask(world)
    assert figures["coverage"]["doubts"] == ["other_numbering"]
    assert figures["not_in_registry"]["A"] == 20
    assert tiers(figures) == {"A": 0, "B": 0, "C": 60, "D": 0}


def test_persons_deleted_since_are_listed_apart_as_the_log_names_them(ask, tmp_path):
    gone = make_person(500)
    world = make_world(tmp_path)
    world.facts = [*world.facts, make_fact(START_MS + 60_000, person=gone.typed, insurer="AUTRE")]
    figures = ask(world)
    assert tiers(figures) == {"A": 20, "B": 0, "C": 0, "D": 40}
    [row] = read_csv(tmp_path / "answer" / "not-in-registry.csv")
    assert (row["identifier"], row["insurer_as_logged"], row["tier"]) == (gone.typed, "AUTRE", "A")
    assert "contract_number" in row["fields"].split()


def test_two_insurers_that_claim_a_person_are_both_told(ask, tmp_path):
    twice = replace(PEOPLE[0], amc=OTHER_AMC, contract="Z9")
    figures = ask(make_world(tmp_path, people=[*PEOPLE, twice]))
    assert tiers(figures)["A"] == 20
    assert tiers(figures, OTHER_AMC)["A"] == 1
    [row] = read_list(tmp_path / "answer", OTHER_AMC)
    assert row["reasons"] == "thief_session two_insurers"


def test_the_insurer_that_the_log_names_is_the_one_told(ask, tmp_path):
    twice = replace(PEOPLE[0], amc=OTHER_AMC, contract="Z9")
    world = make_world(tmp_path, people=[*PEOPLE, twice])
    world.facts = [{**one, "insurer": AMC} for one in world.facts]
    figures = ask(world)
    assert (tiers(figures)["A"], tiers(figures, OTHER_AMC)["A"]) == (20, 0)


def test_the_controller_is_the_one_of_that_day(ask, tmp_path):
    before = replace(PEOPLE[0], amc=OTHER_AMC, starts="2019-01-01", ends="2020-12-31")
    figures = ask(make_world(tmp_path, people=[*PEOPLE, before]))
    assert (tiers(figures)["A"], tiers(figures, OTHER_AMC)["A"]) == (20, 0)


def test_a_former_member_is_told_by_the_insurer_they_left(ask, tmp_path):
    former = replace(PEOPLE[0], starts="2019-01-01", ends="2023-06-30")
    figures = ask(make_world(tmp_path, people=[former, *PEOPLE[1:]]))
    assert tiers(figures)["A"] == 20
    [row] = [one for one in read_list(tmp_path / "answer") if one["former"] == "1"]
    assert row["reasons"] == "thief_session not_a_member_that_day"


def test_somebody_ruled_out_whom_the_log_shows_is_told_all_the_same(ask, tmp_path):
    contracts = write_lines(
        tmp_path / "contracts.csv",
        "amc_number;contract_number",
        *(f"{AMC};C{n}" for n in range(10)),
    )
    figures = ask(make_world(tmp_path), contracts=contracts)
    assert tiers(figures) == {"A": 20, "B": 0, "C": 0, "D": 40}
    flagged = [one for one in read_list(tmp_path / "answer") if "shown_against" in one["reasons"]]
    assert len(flagged) == 10


def test_who_joined_long_after_was_not_in_the_base_even_without_logs(ask, tmp_path):
    late = [make_person(n, starts="2024-06-01") for n in range(200, 205)]
    soon = [make_person(n, starts="2024-03-01") for n in range(205, 208)]
    figures = ask(make_world(tmp_path, people=[*PEOPLE, *late, *soon], period=None))
    assert figures["insurers"][0]["cannot_be_concerned"]["joined_later"] == 5
    assert tiers(figures) == {"A": 20, "B": 0, "C": 43, "D": 5}


def test_an_agreement_that_began_after_the_attack_rules_the_insurer_out(ask, tmp_path):
    people = [replace(one, agreed_from="2024-05-01") for one in PEOPLE]
    figures = ask(make_world(tmp_path, people=people[20:], period=None))
    assert figures["insurers"][0]["cannot_be_concerned"]["agreement_later"] == 40


# ---- accounts ------------------------------------------------------------------------------------


def test_every_line_of_the_list_of_accounts_has_a_fate(ask, tmp_path):
    facts = [
        *make_past("DUPONT.JEAN"),
        *make_raid([one.typed for one in HIT], "DUPONT.JEAN"),
        *make_raid(["X1"], "martin.paul"),
    ]
    accounts = ("account", " dupont.jean ", "martin.paull", "durand.zoe", "martin.paul")
    figures = ask(World(tmp_path, facts, accounts=accounts, people=PEOPLE))
    fates = {one["account"]: one for one in read_csv(tmp_path / "answer" / "accounts.csv")}
    assert {name: one["match"] for name, one in fates.items()} == {
        "dupont.jean": "spelling",
        "martin.paull": "near",
        "durand.zoe": "absent",
        "martin.paul": "same",
    }
    assert fates["martin.paull"]["nearly_the_same"] == "martin.paul"
    assert fates["dupont.jean"]["in_the_logs"] == "DUPONT.JEAN"
    assert figures["accounts"] == {
        "listed": 4,
        **{str(match): 1 for match in Match},
    }


def test_a_list_that_somebody_checked_lets_near_names_be_others(ask, tmp_path):
    world = make_world(tmp_path, accounts=("account", "ps-1", "ps-12"))
    assert tiers(ask(world, accounts_checked=True))["D"] == 40


def test_a_session_confirmed_stolen_needs_no_other_sign(ask, tmp_path):
    raid = make_raid([one.typed for one in HIT[:3]], session="tok", address=OWNER, agent="firefox")
    world = World(tmp_path, [*make_past(), *raid], people=PEOPLE)
    assert tiers(ask(world))["A"] == 0
    world.accounts = ("account;session", "ps-1;tok")
    assert tiers(ask(world, force=True))["A"] == 3


def test_addresses_of_the_attack_speak_against_sessions(ask, tmp_path):
    raid = make_raid([one.typed for one in HIT[:3]], agent="firefox")
    world = World(tmp_path, [*make_past(), *raid], people=PEOPLE)
    ask(world)
    [before] = read_csv(tmp_path / "answer" / "sessions.csv")
    ask(world, attack_addresses=read_addresses(["203.0.113.0/24"]), force=True)
    [after] = read_csv(tmp_path / "answer" / "sessions.csv")
    assert int(after["thief_points"]) > int(before["thief_points"])
    assert "attack_address" in after["reasons"]
    assert "attack_address" not in before["reasons"]


def test_claims_explain_the_owners_own_visitors(ask, tmp_path):
    visits = [
        make_fact(
            START_MS + 3_600_000 * n + n * n * 50_000,
            person=one.typed,
            address=OWNER,
            agent="firefox",
            session="desk",
        )
        for n, one in enumerate(PEOPLE[40:46])
    ]
    world = make_world(tmp_path)
    world.facts = [*world.facts, *visits]
    assert tiers(ask(world)) == {"A": 20, "B": 0, "C": 6, "D": 34}
    claims = write_lines(
        tmp_path / "claims.csv",
        "account;person;date",
        *(f"ps-1;{one.typed};2024-01-30" for one in PEOPLE[40:44]),
    )
    assert tiers(ask(world, claims=claims, force=True)) == {"A": 20, "B": 0, "C": 2, "D": 38}


# ---- files beside the logs -----------------------------------------------------------------------


def test_rows_of_a_feed_that_cannot_be_read_are_counted(ask, tmp_path):
    bad = [replace(PEOPLE[50], nir="123"), replace(PEOPLE[51], starts="yesterday")]
    ask(make_world(tmp_path, people=[*PEOPLE[:50], *bad]))
    method = (tmp_path / "answer" / "method.txt").read_text("utf-8")
    assert "registry, 2 rows unreadable: feed.csv, 52 rows" in method


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "names no account"),
        (("account", ""), "names no account"),
        (("name;town", "a;b"), "lacks the column account"),
        (("account;session", ";tok"), "line 2: there is no account"),
        (("account;session", "a;b;c"), "line 2: 3 cells"),
        (("account", '"a'), "quotes do not match"),
    ],
)
def test_a_list_of_accounts_that_is_not_understood_is_refused_with_its_line(
    ask, tmp_path, lines, reason
):
    with pytest.raises(ScopeRefused, match=re.escape(reason)):
        ask(make_world(tmp_path, accounts=lines))
    assert not (tmp_path / "answer").exists()


def test_a_registry_that_is_no_feed_is_refused(ask, tmp_path):
    wrong = write_lines(tmp_path / "wrong.csv", "a;b", "1;2")
    with pytest.raises(FeedRefused, match="header lacks"):
        ask(make_world(tmp_path), registry=[wrong])


def test_feeds_of_several_insurers_in_one_folder_are_read_together(ask, tmp_path):
    folder = tmp_path / "set"
    (folder / "feeds").mkdir(parents=True)
    write_feed(folder / "feeds" / "a.csv", PEOPLE[:30])
    write_feed(folder / "feeds" / "b.csv", [replace(one, amc=OTHER_AMC) for one in PEOPLE[30:]])
    write_lines(
        folder / "insurers.csv",
        "insurer_id;amc_number;name;members",
        f"1;{AMC};Une mutuelle;30",
        f"2;{OTHER_AMC};Une autre;30",
    )
    figures = ask(make_world(tmp_path), registry=[folder])
    assert [(one["name"], one["persons"]) for one in figures["insurers"]] == [
        ("Une mutuelle", 30),
        ("Une autre", 30),
    ]


def test_logs_of_which_the_mapping_makes_nothing_are_told_so(ask, tmp_path):
    with pytest.raises(ScopeRefused, match="finds nothing"):
        ask(World(tmp_path, [], people=PEOPLE), window=None)


def test_without_a_window_all_that_the_logs_tell_is_the_attack(ask, tmp_path):
    figures = ask(make_world(tmp_path), window=None)
    assert figures["window"]["declared"] is False
    assert "Aucune période" in (tmp_path / "answer" / "report.html").read_text("utf-8")
