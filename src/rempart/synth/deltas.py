"""The delta each insurer sends a month after its full feed: what changed, line by line.

Refuses to remember: the full feed is drawn again from its seed, and changed on the way.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NamedTuple

from rempart.synth.dice import make_dice
from rempart.synth.feeds import Feed
from rempart.synth.folders import Folder, Line, draw_card_code, make_lines
from rempart.synth.guarantees import choose_product
from rempart.synth.nirs import add_key
from rempart.synth.plan import Insurer, Plan

MONTH: Final = timedelta(days=30)
_DAY: Final = timedelta(days=1)
_LAST_BIRTH_AGE: Final = 45

EVENTS: Final = {
    "termination": 0.011,
    "retroactive_end": 0.003,
    "product_change": 0.008,
    "suspension": 0.003,
    "suspension_lifted": 0.25,
    "number_change": 0.3,
    "removal": 0.15,
    "birth": 0.006,
    "new_card": 0.003,
    "new_contact": 0.004,
    "repeated": 0.003,
    "new_household": 0.011,
    "new_household_retroactive": 0.003,
}
"""What happens in a month, and to which share of the households it can happen to.

`suspension_lifted` is a share of the suspended, `number_change` of the holders of a waiting
number, `removal` of those to come, `birth` of the insured of an age to have children; `repeated`
sends unchanged lines again.
"""

_TO_COVERED: Final = (
    "termination", "retroactive_end", "product_change", "suspension", "birth", "new_card",
    "new_contact", "repeated",
)  # fmt: skip


class Change(NamedTuple):
    """One line of a delta, and the event it comes from."""

    event: str
    folder: Folder
    line: Line
    action: str


class Delta:
    """Draws the changes of one insurer's month; `counts` has households by event.

    It has its own chance: one number taken from the feed's would make another feed.
    """

    def __init__(self, plan: Plan, insurer: Insurer) -> None:
        self._feed = Feed(plan, insurer)
        self._rng = make_dice(plan.parameters.seed, "delta", insurer.insurer_id)
        self._products = insurer.products
        self._today = plan.parameters.today
        self.counts: Counter[str] = Counter(dict.fromkeys(EVENTS, 0))

    def draw_changes(self) -> Iterator[Change]:
        """Draw every change; at least one household is new, so that no delta is empty."""
        households = 0
        for folder in self._feed.draw_folders():
            households += 1
            event = self._draw_event(folder)
            if event is not None:
                self.counts[event] += 1
                action = "remove" if event == "removal" else "put"
                for line in self._apply(event, folder):
                    yield Change(event, folder, line, action)
        for event in ("new_household", "new_household_retroactive"):
            for _ in range(max(1, round(households * EVENTS[event]))):
                folder = self._feed.draw_new_folder(self._draw_first_day(event))
                self.counts[event] += 1
                for line in folder.lines:
                    yield Change(event, folder, line, "put")

    def _draw_event(self, folder: Folder) -> str | None:
        """Draw what happens to one household; nothing to those who already left."""
        stretch = folder.lines[-1].stretch
        draw = self._rng.random()
        insured = folder.household.people[0]
        if insured.insured_nir[0] > "2":
            return "number_change" if draw < EVENTS["number_change"] else None
        if stretch.ends is not None:
            return None
        if stretch.suspended_from is not None and stretch.suspended_to is None:
            return "suspension_lifted" if draw < EVENTS["suspension_lifted"] else None
        if stretch.starts > self._today:
            return "removal" if draw < EVENTS["removal"] else None
        for event in _TO_COVERED:
            if draw < EVENTS[event]:
                too_old = event == "birth" and self._today.year - insured.year > _LAST_BIRTH_AGE
                return None if too_old else event
            draw -= EVENTS[event]
        return None

    def _apply(self, event: str, folder: Folder) -> list[Line]:
        """Return the lines an event sends; only those it changes."""
        if event in ("removal", "repeated"):
            return folder.lines
        if event == "number_change":
            return self._change_number(folder)
        if event == "birth":
            return self._add_newborn(folder)
        lines = [line for line in folder.lines if line.ends is None]
        if event in ("termination", "retroactive_end"):
            return self._end(lines, event)
        if event == "product_change":
            return self._change_product(lines)
        if event in ("suspension", "suspension_lifted"):
            return self._suspend(lines, lifted=event == "suspension_lifted")
        if event == "new_card":
            return [replace(line, card_code=draw_card_code(self._rng)) for line in lines]
        self._change_contact(folder)
        return folder.lines

    def _end(self, lines: list[Line], event: str) -> list[Line]:
        """End within the month to come, or in the past: known only now. Never before it began."""
        days = int(self._rng.random() * 90)
        if event == "termination":
            last_day = self._today + timedelta(days=days % MONTH.days)
        else:
            last_day = self._today - timedelta(days=1 + days)
        return [replace(line, ends=max(last_day, line.starts)) for line in lines]

    def _change_product(self, lines: list[Line]) -> list[Line]:
        """End each line on a month's last day and open another with the next product."""
        last_day = (self._today + MONTH).replace(day=1) - _DAY
        old = lines[0].stretch
        new = replace(
            old, product=choose_product(self._rng, self._products, other_than=old.product),
            starts=last_day + _DAY, suspended_from=None, suspended_to=None,
        )  # fmt: skip
        changed = [line for line in lines if line.starts <= last_day]
        ended = [replace(line, ends=last_day) for line in changed]
        return ended + [replace(line, stretch=new, starts=new.starts) for line in changed]

    def _suspend(self, lines: list[Line], *, lifted: bool) -> list[Line]:
        day = self._today + timedelta(days=int(self._rng.random() * MONTH.days))
        old = lines[0].stretch
        if lifted:
            new = replace(old, suspended_to=day)
        else:
            new = replace(old, suspended_from=day, suspended_to=None)
        return [replace(line, stretch=new) for line in lines]

    def _change_number(self, folder: Folder) -> list[Line]:
        """Replace the waiting number by the NIR kept for its holder, for everybody on it."""
        waiting = folder.household.people[0].insured_nir
        nir = add_key(("1" if waiting[0] == "7" else "2") + waiting[1:13])
        for person in folder.household.people:
            if person.insured_nir == waiting:
                person.insured_nir, person.previous_nir = nir, waiting
        return [line for line in folder.lines if line.person.previous_nir == waiting]

    def _add_newborn(self, folder: Folder) -> list[Line]:
        born_on = self._today + _DAY * (1 + int(self._rng.random() * MONTH.days))
        child = self._feed.households.make_newborn(self._rng, folder.household, born_on)
        home = replace(folder.household, people=[child])
        return make_lines(self._rng, home, [folder.lines[-1].stretch])

    def _change_contact(self, folder: Folder) -> None:
        folder.household.phone = f"063998{int(self._rng.random() * 10_000):04d}"
        folder.household.email = ""

    def _draw_first_day(self, event: str) -> date:
        if event == "new_household":
            return (self._today + MONTH).replace(day=1)
        return self._today - timedelta(days=1 + int(self._rng.random() * 80))
