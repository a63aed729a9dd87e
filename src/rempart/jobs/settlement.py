"""What pays: a run is planned each working day, sent once two people agreed, insurers are called.

Each may be killed anywhere and run again: nothing is paid twice, nothing is lost.
"""

from collections.abc import Mapping
from functools import partial

from rempart.jobs.report import Report
from rempart.kernel.errors import Conflict
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation
from rempart.wiring.payments import open_counter
from rempart.workflows.settlement.call_funds import call_funds, collect_funds
from rempart.workflows.settlement.call_funds import remind_funds as note_reminders
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.send_payments import is_sent, send_run


def plan_settlement(at: Installation, report: Report) -> None:
    """Plan today's run; one that waits for approval is left alone."""
    try:
        with at.database.transaction("settler") as tx:
            run_id = begin_plan(tx, today_in_paris())
    except Conflict:
        report.conclude(0, unit="remittances")
        return
    while True:
        report.check()
        with at.database.transaction("settler") as tx:
            progress = plan_piece(tx, run_id)
        if progress.done:
            report.conclude(progress.remittances, unit="remittances")
            return
        report.tell(progress.remittances, unit="remittances")


def send_payments(at: Installation, report: Report, arguments: Mapping[str, int]) -> None:
    """Write the files of a run that two people approved, then call insurers for their funds."""
    counter, opened = open_counter(at), partial(at.database.transaction, "settler")
    run_id, transfers = arguments["run_id"], 0
    with at.database.transaction("settler") as tx:
        # Killed between the two, it is run again: insurers are called all the same.
        only_calls = is_sent(tx, run_id)
    if not only_calls:
        transfers = send_run(opened, counter, run_id, check=report.check).transfers
    with at.database.transaction("settler") as tx:
        call_funds(tx, today=today_in_paris())
    if counter.payer.creditor_id:
        collect_funds(opened, counter, check=report.check)
    report.conclude(transfers, unit="transfers")


def remind_funds(at: Installation, report: Report) -> None:
    """Note which insurers' funds are overdue."""
    with at.database.transaction("settler") as tx:
        reminders = note_reminders(tx, today=today_in_paris())
    report.conclude(len(reminders), unit="calls")
