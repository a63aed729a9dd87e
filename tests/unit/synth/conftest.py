"""One data set for all these tests: written once in each test process."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from rempart.synth import Parameters, Plan, plan, read_members, write_data_set
from rempart.synth.files import read_rows

PARAMETERS = Parameters(members=8_000, seed=7, insurers=40, delta=True)


@dataclass(frozen=True, repr=False)
class DataSet:
    """What was written, read back."""

    out: Path
    plan: Plan
    truth: dict
    feeds: dict[str, list[dict[str, str]]]
    deltas: dict[str, list[dict[str, str]]]

    def lines(self):
        return [line for feed in self.feeds.values() for line in feed]

    def people(self):
        """Each person's lines at one insurer, in the order of the feed."""
        return [lines for feed in self.feeds.values() for lines in self.group(feed, self.key_of)]

    def contracts(self):
        return [
            lines
            for feed in self.feeds.values()
            for lines in self.group(feed, lambda line: line["contract_number"])
        ]

    def table(self, name):
        with (self.out / name).open(encoding="utf-8") as lines:
            return list(csv.DictReader(lines, delimiter=";"))

    @staticmethod
    def key_of(line):
        return line["insured_nir"], line["birth_date"], line["birth_rank"]

    @staticmethod
    def group(lines, key):
        groups = defaultdict(list)
        for line in lines:
            groups[key(line)].append(line)
        return list(groups.values())

    @staticmethod
    def overlaps(lines):
        """Tell whether two lines of one person claim the same day."""
        periods = sorted((line["period_start"], line["period_end"] or "9999") for line in lines)
        return any(later[0] <= earlier[1] for earlier, later in pairwise(periods))


@pytest.fixture(scope="session")
def data_set(tmp_path_factory):
    out = tmp_path_factory.mktemp("synth") / "set"
    truth = write_data_set(PARAMETERS, out)
    planned = plan(PARAMETERS)
    return DataSet(
        out=out,
        plan=planned,
        truth=truth,
        feeds={i.amc_number: list(read_members(out, i.amc_number)) for i in planned.insurers},
        deltas={
            i.amc_number: list(read_rows(out / "deltas" / f"{i.amc_number}-delta.csv", i.style))
            for i in planned.insurers
            if i.sends_deltas
        },
    )
