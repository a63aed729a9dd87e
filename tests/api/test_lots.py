"""Lots of claims: whole or not at all; cut short and sent again, or twice at once, still once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
from tests.api.claiming import (
    CLAIMS,
    LOTS,
    format_lines,
    make_claim,
    make_line,
    read_rows,
    send_lines,
    take_one,
)
from tests.api.world import COVERED, FINESS, STRANGER, TODAY

from rempart.claims.claim import ClaimLine
from rempart.exchange.b2_file import format_lot
from rempart.exchange.billed_claim import BilledClaim
from rempart.exchange.lot_spool import LotSpool
from rempart.gateway.claim_calls import Call
from rempart.gateway.lot_routes import LotDesk
from rempart.kernel.errors import MalformedRequest, Unavailable
from rempart.storage.claims_intake import ClaimShelf
from rempart.tariffs.care import ACTS

HEADERS = {"Content-Type": "text/plain"}


def make_b2(count=3, person=COVERED, number=7, **changes):
    """A lot of lines of 128 characters."""
    line = ClaimLine(
        number=1, act=ACTS["G"], care_date=TODAY, billed_cents=3_000, base_cents=3_000,
        amo_cents=2_100,
    )  # fmt: skip
    claims = [
        BilledClaim(
            invoice=f"{place:09d}",
            identifiers=person.typed,
            lines=(line,),
            birth_date=person.birth_date,
            asked_amc_cents=(900,),
            **changes,
        )
        for place in range(1, count + 1)
    ]
    return list(format_lot(number, FINESS, TODAY, claims))


def send_b2(gateway, lines, end="\r\n"):
    content = end.join(lines).encode("latin-1")
    return gateway.post(LOTS, content=content, headers=HEADERS)


def count_claims(world):
    [(count,)] = read_rows(world, "SELECT count(*) FROM claims.claim")
    return count


def test_a_lot_of_lines_is_taken(gateway, world):
    reply = send_b2(gateway, make_b2())
    assert reply.status_code == 202
    [lot] = reply.json()["lots"]
    assert (lot["number"], lot["state"], lot["claims"], lot["refused"]) == ("7", "received", 3, 0)
    rows = read_rows(
        world,
        "SELECT DISTINCT c.person_ref, c.channel, c.billed_cents, l.amo_cents, l.given_amo_cents,"
        " l.asked_amc_cents, c.lot_ref IS NOT NULL FROM claims.claim AS c"
        " JOIN claims.line AS l USING (claim_ref)",
    )
    assert rows == [(COVERED.person_ref, "b2", 3_000, None, 2_100, 900, True)]
    listed = gateway.get(CLAIMS, params={"lot": lot["lot"]}).json()["claims"]
    assert {one["invoice"] for one in listed} == {"000000001", "000000002", "000000003"}
    assert gateway.get(f"{LOTS}/{lot['lot']}").json() == lot


def test_a_lot_of_json_lines_is_taken_with_the_number_its_biller_gives(gateway, world):
    content = format_lines(make_claim(COVERED, "F-1"), make_claim(STRANGER, "F-2"))
    [lot] = send_lines(gateway, content, params={"number": "L 12"}).json()["lots"]
    assert (lot["number"], lot["state"], lot["claims"]) == ("L 12", "received", 2)
    assert count_claims(world) == 2


def test_the_same_claim_by_two_channels_is_one(gateway, world):
    send_b2(gateway, make_b2(1))
    line = make_line(base_cents=3_000, amo_cents=2_100, asked_amc_cents=900)
    taken = take_one(gateway, make_claim(COVERED, "000000001", lines=[line]))
    assert count_claims(world) == 1
    assert gateway.get(f"{CLAIMS}/{taken}").json()["channel"] == "b2"


def test_a_claim_that_cannot_be_read_is_refused_alone_with_its_place(gateway, world):
    lines = make_b2()
    [at] = [place for place, line in enumerate(lines) if line.startswith("2 ")][1:2]
    lines[at] = lines[at][:11] + "1" * 13 + lines[at][24:]
    reply = send_b2(gateway, lines)
    [lot] = reply.json()["lots"]
    assert (lot["state"], lot["claims"], lot["refused"]) == ("received", 2, 1)
    [finding] = lot["findings"]
    assert (finding["at"], finding["field"]) == (at + 1, "nir")
    assert finding["rule"].startswith("nir")
    assert count_claims(world) == 2


def test_a_json_line_that_is_wrong_is_refused_alone_with_its_place(gateway):
    good = make_claim(COVERED)
    content = b"".join(
        (format_lines(good), b"{\n", b"\n", b"\xff\n", format_lines(make_claim(COVERED, lines=[])))
    )
    [lot] = send_lines(gateway, content).json()["lots"]
    assert (lot["claims"], lot["refused"]) == (1, 3)
    assert [(one["at"], one["rule"]) for one in lot["findings"]] == [
        (2, "claim_shape"),
        (4, "claim_shape"),
        (5, "claim_lines"),
    ]


def test_a_claim_that_replaces_another_s_is_refused_alone_in_a_lot_too(gateway, world):
    own = take_one(gateway, make_claim(COVERED))
    claims = (
        make_claim(COVERED, "F-2", replaces="0000-0000-0001"),
        make_claim(COVERED, "F-3", replaces=own),
        make_claim(COVERED, "F-4", lines=[]),
    )
    content = format_lines(*claims)
    for _ in range(2):
        [lot] = send_lines(gateway, content).json()["lots"]
        assert (lot["claims"], lot["refused"]) == (1, 2)
        found = {(one["at"], one["rule"]) for one in lot["findings"]}
        assert found == {(1, "claim_replaces"), (3, "claim_lines")}
    assert count_claims(world) == 2


def spoil_total(lines):
    return [*lines[:-1], lines[-1][:34] + "0000000001" + lines[-1][44:]]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda lines: lines[:-1], "b2_unfinished"),
        (spoil_total, "b2_total"),
        (lambda lines: [*lines[:3], *lines[4:]], "b2_total"),
    ],
    ids=["its end is missing", "its total is wrong", "a line is missing"],
)
def test_a_lot_whose_end_does_not_count_what_it_holds_is_refused_whole(gateway, world, spoil, rule):
    lines = spoil(make_b2())
    reply = send_b2(gateway, lines)
    assert reply.status_code == 422
    [lot] = reply.json()["lots"]
    assert (lot["state"], lot["claims"]) == ("refused", 0)
    assert lot["refused"] >= 2
    assert rule in {one["rule"] for one in lot["findings"]}
    assert count_claims(world) == 0
    # Corrected, it is another lot.
    [right] = send_b2(gateway, make_b2()).json()["lots"]
    assert (right["state"], right["claims"], right["lot"] == lot["lot"]) == ("received", 3, False)


WRONG_LINES = (
    ("4" + " " * 126, "b2_length"),
    ("4" + " " * 200_000, "b2_length"),
    ("7" + " " * 127, "b2_kind"),
    ("4 " + "\0" * 126, "b2_field"),
    ("4 " + "é" * 126, "b2_field"),
    ("9 " + "x" * 126, "b2_field"),
)


def test_lines_that_cannot_be_are_findings(gateway):
    lines = make_b2()
    for line, rule in WRONG_LINES:
        reply = send_b2(gateway, [*lines[:3], line, *lines[3:]])
        [lot, *_] = reply.json()["lots"]
        found = [one for one in lot["findings"] if one["rule"] == rule]
        assert found, rule
        assert {one["at"] for one in found} == {4}
        assert lot["claims"] + lot["refused"] >= 3


def test_several_lots_of_a_file_stand_for_themselves(gateway, world):
    lines = [*make_b2(2), *spoil_total(make_b2(1, number=8)), *make_b2(4, STRANGER, number=9)]
    reply = send_b2(gateway, lines, end="\n")
    assert [(one["number"], one["state"], one["claims"]) for one in reply.json()["lots"]] == [
        ("7", "received", 2),
        ("8", "refused", 0),
        ("9", "received", 4),
    ]
    assert count_claims(world) == 6


def test_a_lot_that_was_cut_short_is_sent_again_and_only_the_rest_is_new(
    gateway, world, monkeypatch
):
    monkeypatch.setattr("rempart.workflows.claims.take_lot.PIECE", 2)
    saved = []
    save = ClaimShelf.save

    async def fail_at_the_third(self, claims, lines):
        saved.append(len(claims))
        if len(saved) == 3:
            raise Unavailable("the database went away")
        return await save(self, claims, lines)

    monkeypatch.setattr(ClaimShelf, "save", fail_at_the_third)
    lines = make_b2(9)
    assert send_b2(gateway, lines).status_code == 503
    assert count_claims(world) == 4
    assert read_rows(world, "SELECT state FROM claims.lot") == [("receiving",)]
    before = read_rows(world, "SELECT claim_ref FROM claims.claim")
    [lot] = send_b2(gateway, lines).json()["lots"]
    assert (lot["state"], lot["claims"], count_claims(world)) == ("received", 9, 9)
    assert set(before) <= set(read_rows(world, "SELECT claim_ref FROM claims.claim"))
    assert read_rows(world, "SELECT count(*), min(state) FROM claims.lot") == [(1, "received")]


@pytest.mark.parametrize("format_", ["b2", "json"])
def test_the_same_lot_twice_in_parallel_is_one(gateway, world, monkeypatch, format_):
    monkeypatch.setattr("rempart.workflows.claims.take_lot.PIECE", 7)
    lines = make_b2(60)
    claims = format_lines(*(make_claim(COVERED, f"F-{place}") for place in range(60)))

    def send(_):
        return send_b2(gateway, lines) if format_ == "b2" else send_lines(gateway, claims)

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(send, range(2)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json()["lots"][0]["lot"] for reply in replies}) == 1
    assert count_claims(world) == 60
    assert read_rows(world, "SELECT count(*), sum(claims) FROM claims.lot") == [(1, 60)]


def test_too_many_lots_at_once_are_told_to_come_back(gateway, monkeypatch):
    monkeypatch.setattr("rempart.gateway.lot_routes.MOST_AT_ONCE", 0)
    reply = send_b2(gateway, make_b2())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "10")


def send_slowly(desk, establishment_ref, *, pieces):
    """Send a lot to a desk, a byte every hundredth of a second, so many times."""
    left = [b"x"] * pieces

    async def receive():
        await asyncio.sleep(0.01)
        left.pop()
        return {"type": "http.request", "body": b"x", "more_body": bool(left)}

    headers = {b"content-type": b"text/plain"}
    origin = SimpleNamespace(account_ref=1, client_ref=1)
    scope = {"query_string": b""}
    return desk.take(Call(scope, headers, receive, origin, establishment_ref, 0))


def test_a_lot_that_comes_in_drops_loses_its_place(monkeypatch):
    monkeypatch.setattr("rempart.gateway.lot_routes.PATIENCE_S", 0.2)
    began = time.monotonic()
    with pytest.raises(MalformedRequest, match="stopped coming"):
        asyncio.run(send_slowly(LotDesk(None, None), 1, pieces=300))
    assert time.monotonic() - began < 2


def test_one_establishment_does_not_take_every_place(monkeypatch):
    monkeypatch.setattr("rempart.gateway.lot_routes.PATIENCE_S", 0.3)
    opened = []
    take_place = LotDesk._take_place
    monkeypatch.setattr(
        LotDesk, "_take_place", lambda desk: opened.append(desk._open) or take_place(desk)
    )

    async def send_all():
        desk = LotDesk(None, None)
        mine = [asyncio.create_task(send_slowly(desk, 1, pieces=300)) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(MalformedRequest):
            await send_slowly(desk, 2, pieces=300)
        await asyncio.gather(*mine, return_exceptions=True)

    asyncio.run(send_all())
    assert max(opened) == 1


def test_a_lot_too_large_is_not_read_further(gateway, world, monkeypatch):
    monkeypatch.setattr("rempart.gateway.lot_routes.LotSpool", partial(LotSpool, most_bytes=1_000))
    assert send_b2(gateway, make_b2()).status_code == 413
    assert read_rows(world, "SELECT count(*) FROM claims.lot") == [(0,)]


def test_a_file_of_too_many_lots_is_refused_whole(gateway, world, monkeypatch):
    monkeypatch.setattr("rempart.workflows.claims.take_lot.MOST_LOTS", 2)
    lots = [make_b2(1, number=number) for number in range(1, 4)]
    assert send_b2(gateway, [*lots[0], *lots[1]]).status_code == 202
    assert send_b2(gateway, [line for lot in lots for line in lot]).status_code == 413
    assert count_claims(world) == 1


def test_what_is_no_lot_is_refused(gateway):
    cases = [
        (b"", HEADERS, 400),
        (b"x", {"Content-Type": "application/json"}, 415),
        (b"x", {**HEADERS, "Content-Encoding": "gzip"}, 415),
        (b"x", HEADERS, 422),
    ]
    for content, headers, status in cases:
        assert gateway.post(LOTS, content=content, headers=headers).status_code == status


def test_a_lot_of_another_establishment_is_not_found(gateway):
    assert gateway.get(f"{LOTS}/0000-0000-0001").status_code == 404
    assert gateway.get(f"{LOTS}/nothing").status_code == 404
