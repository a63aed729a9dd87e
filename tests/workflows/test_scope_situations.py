"""The situations that insurers published in February 2024, answered from a portal's logs.

The organisations are those of the notices (S1 to S4 in docs/sources.md); the people, the logs and
the contracts are invented. Each notice says what was told then; each test says what the logs tell.
"""

from datetime import UTC, datetime
from pathlib import Path

from tests.scope_samples import (
    ATTACK_STARTS,
    OWNER,
    THIEF,
    WINDOW,
    Person,
    make_person,
    read_csv,
    read_list,
    shift,
    write_feed,
    write_lines,
)

from rempart.storage.analytics import Means
from rempart.workflows.scope.scope_logs import Request, scope_logs

MAPPING = """
name = "Portail des professionnels"
format = "csv"

[time]
place = "quand"

[period]
from = 2023-12-01
to = 2024-02-29

[places]
account = "compte"
session = "session"
address = "ip"
agent = "navigateur"
person = "assure"

[outcome]
place = "code"
shown = ["200"]
nobody = ["404"]

[[views]]
name = "fiche"
where = { ecran = "fiche" }
shows = [
  "family_name", "first_name", "birth_date", "birth_rank", "nir", "insurer", "contract_number",
  "operator_reference",
]
typed = ["nir", "birth_date"]

[[views]]
name = "famille"
where = { ecran = "famille" }
shows = [
  "family_name", "first_name", "birth_date", "birth_rank", "nir", "insurer", "contract_number",
  "operator_reference",
]
typed = ["nir"]
family = true
"""
EIGHT = (
    "family_name first_name birth_date birth_rank nir insurer contract_number operator_reference"
)


def show_nothing(_what: str, _share: float | None) -> None:
    """Nobody watches."""


class Portal:
    """A portal's log in the making: who did what, when; every day has its lines."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str]] = []
        for day in range(-58, 33):
            for visit in range(8):
                self.log(
                    shift(ATTACK_STARTS, days=day, hours=visit, seconds=visit * visit * 97),
                    account=f"opticien-{day % 5}",
                    session=f"o{day}",
                    address="192.0.2.8",
                    person=f"ZZ{day % 40}{visit}",
                )
        for account, first in (("ps-4471", 900_000), ("ps-9902", 910_000)):
            for day in range(-50, -1):
                regulars = [make_person(first + (day + n) % 30).typed for n in range(5)]
                self.work(regulars, account=account, days=day)

    def log(
        self,
        t_ms: int,
        *,
        account: str,
        session: str,
        address: str,
        person: str,
        screen: str = "fiche",
        code: str = "200",
    ) -> None:
        when = datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds")
        agent = "python-requests" if address == THIEF else "Firefox"
        line = f"{when};{account};{session};{address};{agent};{person};{screen};{code}"
        self._lines.append((t_ms, line))

    def raid(self, people: list[str], *, screen: str = "fiche", account: str = "ps-4471") -> None:
        """A robot asks for everybody, a second and a half apart."""
        start = shift(ATTACK_STARTS, days=1)
        for place, person in enumerate(people):
            self.log(
                start + 1_500 * place,
                account=account,
                session=f"robot-{account}",
                address=THIEF,
                person=person,
                screen=screen,
            )

    def work(self, people: list[str], *, account: str = "ps-4471", days: int = 0) -> None:
        """The owner sees some visitors, on a day after or before the attack's first."""
        for place, person in enumerate(people):
            t_ms = shift(ATTACK_STARTS, days=days, hours=2, minutes=13 * place, seconds=place**3)
            self.log(t_ms, account=account, session=f"own{days}", address=OWNER, person=person)

    def write(self, path: Path) -> Path:
        header = "quand;compte;session;ip;navigateur;assure;ecran;code"
        return write_lines(path, header, *(line for _, line in sorted(self._lines)))


def make_request(path: Path, portal: Portal, **values: object) -> Request:
    (path / "map.toml").write_text(MAPPING, encoding="utf-8")
    defaults: dict[str, object] = {
        "logs": [str(portal.write(path / "portal.csv"))],
        "mapping": path / "map.toml",
        "accounts": write_lines(path / "stolen.csv", "account", "ps-4471"),
        "out": path / "answer",
        "work": path / "work",
        "window": WINDOW,
        "means": Means(memory="500MB", threads=1),
    }
    return Request(**{**defaults, **values})  # type: ignore[arg-type]


def write_insurers(path: Path, *rows: str) -> Path:
    header = "insurer_id;amc_number;name;agreement_start;agreement_end;via"
    return write_lines(path / "insurers.csv", header, *rows)


def by_amc(figures: dict) -> dict[str, dict]:
    return {one["amc_number"]: one for one in figures["insurers"]}


def test_lmp_who_left_before_the_agreement_is_ruled_out_and_the_others_are_told_one_by_one(
    tmp_path,
):
    """S1 tells all members and former members, but for those who left before 2023."""
    amc = "9930000001"
    members = [make_person(n, amc=amc, starts="2019-01-01") for n in range(400)]
    gone = [
        make_person(n, amc=amc, starts="2015-01-01", ends="2022-12-31") for n in range(400, 500)
    ]
    former = [
        make_person(n, amc=amc, starts="2019-01-01", ends="2023-06-30") for n in range(500, 560)
    ]
    portal = Portal()
    portal.raid([one.typed for one in (*members[:37], *former[:5])])
    feed = write_feed(tmp_path / "lmp.csv", [*members, *gone, *former])
    insurers = write_insurers(tmp_path, f"1;{amc};Mutuelle LMP;2023-01-01;;Almerys")
    request = make_request(tmp_path, portal, registry=[feed], insurers=insurers)

    _, figures, _ = scope_logs(request, show_nothing)

    lmp = by_amc(figures)[amc]
    assert lmp["tiers"] == {"A": 42, "B": 0, "C": 0, "D": 518}
    assert lmp["cannot_be_concerned"]["left_before_agreement"] == 100
    assert lmp["excluded_by_logs"] == 418
    assert lmp["agreement_start"] == "2023-01-01"
    listed = read_list(tmp_path / "answer", amc)
    assert {one["insured_nir"] for one in listed} == {
        one.nir[:13] for one in (*members[:37], *former[:5])
    }
    assert {one["fields"] for one in listed} == {EIGHT}
    assert {one["marginal_fields"] for one in listed} == {
        "family_name first_name birth_rank insurer contract_number operator_reference"
    }
    assert sum(one["former"] == "1" for one in listed) == 5
    page = (tmp_path / "answer" / "report.html").read_text("utf-8")
    assert "parties avant le début de la convention" in page
    assert "Convention depuis le 2023-01-01." in page


def test_lmp_without_its_logs_gets_what_was_told_then_and_why(tmp_path):
    """A log that stops in the middle of the attack excludes nobody whom no date excludes."""
    amc = "9930000001"
    members = [make_person(n, amc=amc, starts="2019-01-01") for n in range(40)]
    gone = [make_person(n, amc=amc, starts="2015-01-01", ends="2022-12-31") for n in range(40, 60)]
    portal = Portal()
    portal.raid([one.typed for one in members[:17]])
    portal._lines = [one for one in portal._lines if one[0] < shift(ATTACK_STARTS, days=2)]
    feed = write_feed(tmp_path / "lmp.csv", [*members, *gone])
    insurers = write_insurers(tmp_path, f"1;{amc};Mutuelle LMP;2023-01-01;;Almerys")

    _, figures, _ = scope_logs(
        make_request(tmp_path, portal, registry=[feed], insurers=insurers), show_nothing
    )

    assert by_amc(figures)[amc]["tiers"] == {"A": 17, "B": 0, "C": 23, "D": 20}
    assert by_amc(figures)[amc]["named_c"] == 0
    assert figures["coverage"]["doubts"] == ["log_gap"]
    assert {one["reasons"] for one in read_list(tmp_path / "answer", amc)} == {
        "thief_session",
        "log_gap",
    }


def test_mutame_only_the_contracts_that_go_through_the_operator_can_be_concerned(tmp_path):
    """S2 names four contracts: 1 800 persons of 45 000."""
    amc = "9930000002"
    groups = ("PT-", "MSTCDG27-", "CLMH-", "MSTPG-")
    routed = [make_person(n, amc=amc, contract=f"{groups[n % 4]}{n}") for n in range(1_800)]
    others = [make_person(n, amc=amc, contract=f"IND-{n}") for n in range(1_800, 45_000)]
    contracts = write_lines(
        tmp_path / "contracts.csv",
        "amc_number;contract_number",
        *(f"{amc};{group}*" for group in groups),
    )
    portal = Portal()
    portal.raid([one.typed for one in routed[:64]])
    feed = write_feed(tmp_path / "mutame.csv", [*routed, *others])
    insurers = write_insurers(tmp_path, f"2;{amc};Mutame & Plus;2021-01-01;;Almerys")
    request = make_request(
        tmp_path, portal, registry=[feed], insurers=insurers, contracts=contracts
    )

    _, figures, _ = scope_logs(request, show_nothing)

    mutame = by_amc(figures)[amc]
    assert mutame["persons"] == 45_000
    assert mutame["cannot_be_concerned"]["not_routed"] == 43_200
    assert mutame["tiers"] == {"A": 64, "B": 0, "C": 0, "D": 44_936}
    assert mutame["excluded_by_logs"] == 1_736


def test_mutame_without_logs_for_a_day_tells_the_1_800_of_its_contracts(tmp_path):
    amc = "9930000002"
    routed = [make_person(n, amc=amc, contract=f"PT-{n}") for n in range(180)]
    others = [make_person(n, amc=amc, contract=f"IND-{n}") for n in range(180, 4_500)]
    contracts = write_lines(tmp_path / "contracts.csv", "amc_number;contract_number", f"{amc};PT-*")
    portal = Portal()
    portal.raid([one.typed for one in routed[:46]])
    missing = (shift(ATTACK_STARTS, days=2, hours=-6), shift(ATTACK_STARTS, days=3, hours=-6))
    portal._lines = [one for one in portal._lines if not missing[0] <= one[0] < missing[1]]
    feed = write_feed(tmp_path / "mutame.csv", [*routed, *others])

    _, figures, _ = scope_logs(
        make_request(tmp_path, portal, registry=[feed], contracts=contracts), show_nothing
    )

    assert by_amc(figures)[amc]["bounds"] == {"lower": 46, "best": 46, "upper": 180}
    assert by_amc(figures)[amc]["cannot_be_concerned"]["not_routed"] == 4_320


def test_scop_seventy_three_persons_through_an_operator_that_another_hosts(tmp_path):
    """S4: 73 members and beneficiaries; the insurer's operator is hosted by the one attacked."""
    scop, other = "9930000003", "9930000004"
    ours = [make_person(n, amc=scop) for n in range(3_000)]
    theirs = [make_person(n, amc=other) for n in range(3_000, 9_000)]
    portal = Portal()
    portal.raid([one.typed for one in (*theirs[:2_000], *ours[:73], *theirs[2_000:4_000])])
    portal.work([one.typed for one in ours[200:204]], days=1)
    claims = write_lines(
        tmp_path / "claims.csv",
        "account;person;date",
        *(f"ps-4471;{one.typed};2024-01-30" for one in ours[200:204]),
    )
    insurers = write_insurers(
        tmp_path,
        f"3;{scop};Mutuelle des SCOP;2020-01-01;;Kalixia > Viamedis",
        f"4;{other};Autre mutuelle;2020-01-01;;Viamedis",
    )
    feeds = [write_feed(tmp_path / "scop.csv", ours), write_feed(tmp_path / "other.csv", theirs)]

    answer, figures, _ = scope_logs(
        make_request(tmp_path, portal, registry=feeds, insurers=insurers, claims=claims),
        show_nothing,
    )

    assert by_amc(figures)[scop]["tiers"] == {"A": 73, "B": 0, "C": 0, "D": 2_927}
    assert by_amc(figures)[scop]["via"] == "Kalixia > Viamedis"
    assert by_amc(figures)[other]["tiers"]["A"] == 4_000
    assert {one["insured_nir"] for one in read_list(tmp_path / "answer", scop)} == {
        one.nir[:13] for one in ours[:73]
    }
    assert "Chaîne : Kalixia &gt; Viamedis." in (tmp_path / "answer/report.html").read_text("utf-8")
    assert sorted(str(one.verdict.verdict) for one in answer.judged) == ["owner", "thief"]


def test_scop_without_claims_keeps_the_owners_visitors_apart_as_not_excluded(tmp_path):
    """The owner of the stolen account kept working: nothing but a claim proves whose visitors."""
    amc = "9930000003"
    ours = [make_person(n, amc=amc) for n in range(300)]
    portal = Portal()
    portal.raid([one.typed for one in ours[:73]])
    portal.work([one.typed for one in ours[200:204]], days=1)
    feed = write_feed(tmp_path / "scop.csv", ours)

    _, figures, _ = scope_logs(make_request(tmp_path, portal, registry=[feed]), show_nothing)

    assert by_amc(figures)[amc]["tiers"] == {"A": 73, "B": 0, "C": 4, "D": 223}
    reasons = {one["tier"]: one["reasons"] for one in read_list(tmp_path / "answer", amc)}
    assert reasons == {"A": "thief_session", "C": "owner_unproved"}


def make_family(serial: int, amc: str) -> list[Person]:
    """A member, a spouse with a number of their own, two children on the member's number."""
    member = make_person(serial, amc=amc, contract=f"F{serial}")
    spouse = make_person(100_000 + serial, amc=amc, contract=f"F{serial}", quality="2")
    children = [
        Person(
            nir=member.nir,
            birth_date=born,
            rank="1",
            quality="3",
            contract=f"F{serial}",
            starts=member.starts,
            amc=amc,
        )
        for born in ("20120304", "20150607")
    ]
    return [member, spouse, *children]


def test_mgp_a_family_screen_exposes_each_dependant_with_what_they_lost(tmp_path):
    """S3 tells members « et, le cas échéant, leurs ayants droit », without saying who."""
    amc = "9930000005"
    families = [make_family(n, amc) for n in range(200)]
    portal = Portal()
    portal.raid([family[0].nir for family in families[:25]], screen="famille")
    portal.raid([families[50][2].typed], account="ps-9902")
    feed = write_feed(tmp_path / "mgp.csv", [one for family in families for one in family])
    accounts = write_lines(tmp_path / "two.csv", "account", "ps-4471", "ps-9902")

    _, figures, _ = scope_logs(
        make_request(tmp_path, portal, registry=[feed], accounts=accounts), show_nothing
    )

    listed = read_list(tmp_path / "answer", amc)
    families_shown = [one for one in listed if "family" in one["reasons"]]
    assert len(families_shown) == 100
    assert {one["tier"] for one in families_shown} == {"A"}
    assert {one["fields"] for one in families_shown} == {EIGHT}
    assert sum(one["minor"] == "1" for one in families_shown) == 50
    spouses = [one for one in families_shown if one["quality"] == "2"]
    assert {"nir" in one["marginal_fields"].split() for one in spouses} == {True}
    children = [one for one in families_shown if one["quality"] == "3"]
    assert {"nir" in one["marginal_fields"].split() for one in children} == {False}
    [alone] = [one for one in listed if one not in families_shown]
    assert (alone["birth_date"], alone["minor"]) == ("20120304", "1")
    assert by_amc(figures)[amc]["bounds"]["best"] == 101
    assert by_amc(figures)[amc]["tiers"]["D"] == 699


def test_mutation_a_family_screen_that_is_not_declared_so_leaves_each_of_them_uncertain(tmp_path):
    amc = "9930000005"
    families = [make_family(n, amc) for n in range(20)]
    portal = Portal()
    portal.raid([family[0].nir for family in families], screen="fiche")
    feed = write_feed(tmp_path / "mgp.csv", [one for family in families for one in family])

    _, figures, _ = scope_logs(make_request(tmp_path, portal, registry=[feed]), show_nothing)

    assert by_amc(figures)[amc]["tiers"] == {"A": 0, "B": 0, "C": 60, "D": 20}
    rows = read_list(tmp_path / "answer", amc)
    assert {"shared_identifier" in one["reasons"] for one in rows} == {True}
    assert read_csv(tmp_path / "answer" / "unknown.csv") == []
