"""What people ask for from a page and watch: an incident's analysis, and what insurers are sent.

An analysis replaces the earlier one in one transaction; a package is one transaction for each
insurer, and what the last one said is not made again. Killed anywhere, either is taken up again.
Refuses a request of nobody: the ledger and the incident's room say who asked.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from rempart.disclosure import acts
from rempart.incidents import room
from rempart.jobs.report import Report
from rempart.storage.jobs import load_asker, load_name
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation
from rempart.wiring.packages import open_workshop
from rempart.wiring.segments import open_sealed_files
from rempart.workflows.incidents.expose_persons import expose_persons
from rempart.workflows.incidents.make_packages import PROOFS, MakeRequest, make_packages

_STEPS = 4
"""How often an analysis says what it does."""


class Asker(NamedTuple):
    """Who asked for a job, as the acts log and as an incident's room know them."""

    author: acts.Author
    in_room: room.RoomAuthor


def expose_incident(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Say whose data an incident showed, which, and how surely."""
    asker = find_asker(at, report.job_id)
    steps = 0

    def say(_line: str) -> None:
        nonlocal steps
        report.tell(min(steps, _STEPS), _STEPS, unit="steps")
        steps += 1

    with at.database.transaction("analyst") as tx:
        answer = expose_persons(
            tx,
            arguments["incident_id"],
            open_sealed_files(at.settings, at.home),
            acts=open_acts_log(at.settings, at.home, at.database),
            by=asker.author,
            author=asker.in_room,
            say=say,
        )
        report.check()  # the last moment to stop: nothing is committed yet
    report.conclude(len(answer.persons), unit="persons")


def make_incident_packages(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Make what each insurer is sent about an incident; nothing leaves."""
    asker = find_asker(at, report.job_id)
    made = 0

    def tell(_insurer: str, _persons: int) -> None:
        report.tell(made, unit="packages")

    with open_workshop(at, by=asker.author, author=asker.in_room.name, report=tell) as workshop:
        request = MakeRequest(
            incident_id=arguments["incident_id"],
            insurer_ids=None,
            proofs=PROOFS,
            now=datetime.now(UTC),
        )
        for made, _ in enumerate(make_packages(workshop, request), start=1):
            report.tell(made, unit="packages")
    report.conclude(made, unit="packages")


def find_asker(at: Installation, job_id: int) -> Asker:
    """Return who asked for a job: an account of the pages, or the command line."""
    with at.database.transaction("worker") as tx:
        actor_ref = load_asker(tx, job_id)
    if actor_ref is None:
        return Asker(acts.COMMAND_LINE, room.COMMAND_LINE)
    with at.database.transaction("registrar") as tx:
        name = load_name(tx, actor_ref)
    if name is None:
        return Asker(acts.COMMAND_LINE, room.COMMAND_LINE)
    return Asker(acts.Author(actor_ref, 0), room.RoomAuthor(name=name, actor_ref=actor_ref))
