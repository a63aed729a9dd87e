"""A month later: what each insurer's delta says about its full feed."""

from collections import Counter
from datetime import timedelta

from rempart.synth.deltas import EVENTS, MONTH, Delta
from rempart.synth.parameters import DEFAULT_TODAY

TODAY = DEFAULT_TODAY.isoformat()
NEXT_MONTH = (DEFAULT_TODAY + MONTH).isoformat()


def line_key(data_set, line):
    return line["contract_number"], *data_set.key_of(line), line["period_start"]


def test_every_insurer_that_still_sends_files_sends_a_delta_that_is_not_empty(data_set):
    senders = {i.amc_number for i in data_set.plan.insurers if i.agreement_end is None}
    assert data_set.deltas.keys() == senders < data_set.feeds.keys()
    assert all(data_set.deltas.values())


def test_every_event_happens_somewhere(data_set):
    events = Counter()
    for record in data_set.truth["insurers"]:
        events.update(record["delta_households"])
    assert events.keys() == EVENTS.keys()
    assert min(events.values()) > 0


def test_a_line_of_a_delta_is_put_or_removed_and_a_full_feed_says_neither(data_set):
    assert {line["action"] for line in data_set.lines()} == {""}
    actions = Counter(line["action"] for delta in data_set.deltas.values() for line in delta)
    assert actions.keys() == {"put", "remove"}
    assert actions["put"] > 20 * actions["remove"]


def test_a_removed_line_is_one_of_the_full_feed(data_set):
    for amc, delta in data_set.deltas.items():
        known = {line_key(data_set, line) for line in data_set.feeds[amc]}
        removed = [line for line in delta if line["action"] == "remove"]
        assert all(line_key(data_set, line) in known for line in removed)
        assert all(line["period_start"] > TODAY for line in removed)


def test_ends_are_announced_and_some_are_retroactive(data_set):
    future = past = 0
    for amc, delta in data_set.deltas.items():
        open_before = {
            line_key(data_set, line): line for line in data_set.feeds[amc] if not line["period_end"]
        }
        for line in delta:
            if line["period_end"] and line_key(data_set, line) in open_before:
                assert line["period_start"] <= line["period_end"] <= NEXT_MONTH
                future += line["period_end"] >= TODAY
                past += line["period_end"] < TODAY
    assert future > past > 0


def test_some_new_members_begin_before_they_are_announced(data_set):
    starts = Counter()
    for amc, delta in data_set.deltas.items():
        known = {line["contract_number"] for line in data_set.feeds[amc]}
        for line in delta:
            if line["contract_number"] not in known:
                starts["retroactive" if line["period_start"] < TODAY else "to come"] += 1
    assert starts["to come"] > 0
    assert starts["retroactive"] > 0


def test_a_nir_replaces_the_waiting_number_it_names(data_set):
    changed = 0
    for amc, delta in data_set.deltas.items():
        waiting = {line["insured_nir"] for line in data_set.feeds[amc]} - {""}
        for line in delta:
            if line["previous_nir"] and line["previous_nir"] in waiting:
                assert line["previous_nir"][0] in "78"
                assert line["insured_nir"][0] in "12"
                assert line["insured_nir"] not in waiting
                assert line["insured_nir"][1:13] == line["previous_nir"][1:13]
                changed += 1
    assert changed > 0


def test_applied_to_the_feed_a_delta_leaves_no_person_with_two_lines_on_one_day(data_set):
    for amc, delta in data_set.deltas.items():
        lines = {line_key(data_set, line): line for line in data_set.feeds[amc]}
        renamed = {
            line["previous_nir"]: line["insured_nir"] for line in delta if line["previous_nir"]
        }
        lines = {key: line for key, line in lines.items() if key[1] not in renamed}
        for line in delta:
            if line["action"] == "remove":
                del lines[line_key(data_set, line)]
            else:
                lines[line_key(data_set, line)] = line
        for person in data_set.group(lines.values(), data_set.key_of):
            assert not data_set.overlaps(person)


def count_strangers(data_set, delta, insurer):
    """Count the lines of known contracts about people the full feed does not have there."""
    known = {
        (line["contract_number"], line["birth_date"], line["first_names"].upper())
        for line in data_set.feeds[insurer.amc_number]
    }
    contracts = {contract for contract, _, _ in known}
    changes = [change for change in delta.draw_changes() if change.event != "birth"]
    facts = [
        (c.line.stretch.contract_number, c.line.person.birth_date, c.line.person.first_names)
        for c in changes
    ]
    return sum(fact[0] in contracts and (*fact[:2], fact[2].upper()) not in known for fact in facts)


def test_a_delta_speaks_of_the_people_of_the_full_feed(data_set):
    insurer = data_set.plan.insurers[0]
    assert count_strangers(data_set, Delta(data_set.plan, insurer), insurer) == 0


def test_a_delta_that_draws_from_the_feeds_chance_speaks_of_strangers(data_set):
    insurer = data_set.plan.insurers[0]
    delta = Delta(data_set.plan, insurer)
    delta._rng = delta._feed._rng
    assert count_strangers(data_set, delta, insurer) > 0


def test_newborns_are_born_within_the_month(data_set):
    born = [
        line
        for delta in data_set.deltas.values()
        for line in delta
        if line["birth_date"] > TODAY.replace("-", "")
    ]
    last = (DEFAULT_TODAY + MONTH + timedelta(days=1)).strftime("%Y%m%d")
    assert born
    assert all(line["quality"] == "3" and line["birth_date"] < last for line in born)
    assert all(line["period_start"].replace("-", "") == line["birth_date"] for line in born)
