"""The jobs there are: what each is called, when it runs by itself, what it needs.

One table, which the worker, the pages, the command line and the database's own copy follow. Refuses
to hold what a job does: that is the worker's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Queue: TypeAlias = Literal["routine", "incidents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind of job.

    Args:
        name: Stable: jobs that wait carry it.
        queue: Routine work, or what people wait for during an incident.
        cron: When it is due, in UTC (minute, hour, day, month, weekday); None when it is asked for.
        takes: The references it is given.
        needs: The field of the settings without which it does not run by itself.
    """

    name: str
    queue: Queue = "routine"
    cron: str | None = None
    takes: tuple[str, ...] = ()
    needs: str | None = None


# Shifted from one another: nothing is gained by having all begin with the hour.
_ALL: Final = (
    JobKind(name="activate_bank_details", cron="*/5 * * * *"),
    JobKind(name="adjudicate_claims", cron="* * * * *"),
    # While it is quiet, before anything of the night is erased.
    JobKind(name="back_up", cron="36 1 * * *", needs="backups"),
    JobKind(name="copy_acts", cron="* * * * *", needs="backups"),
    JobKind(name="copy_own_data", takes=("copy_ref",)),
    JobKind(name="end_fallen_sessions", cron="*/10 * * * *"),
    JobKind(name="expire_pecs", cron="26 23 * * *"),
    JobKind(name="expose_incident", queue="incidents", takes=("incident_id",)),
    JobKind(name="make_packages", queue="incidents", takes=("incident_id",)),
    JobKind(name="make_self_checks", queue="incidents", cron="*/10 * * * *"),
    JobKind(name="prepare_campaign", queue="incidents", takes=("campaign_ref",)),
    JobKind(name="read_contacts", queue="incidents", takes=("file_ref",)),
    JobKind(name="read_post_returns", queue="incidents", takes=("file_ref",)),
    JobKind(name="forget_contacts", cron="46 3 * * *"),
    JobKind(name="forget_guard_faces", cron="51 2 * * *"),
    JobKind(name="forget_jobs", cron="41 3 * * *"),
    JobKind(name="forget_members_words", cron="36 3 * * *"),
    JobKind(name="forward_alerts", cron="* * * * *", needs="alerts_to"),
    JobKind(name="hold_late_lookups", cron="21 4 * * *"),
    JobKind(name="plan_erasure", takes=("request_ref",)),
    # Once former members left the gateway's plane, before anybody works.
    JobKind(name="plan_retention", cron="46 2 * * *"),
    # Before anybody works: two people decide in the morning.
    JobKind(name="plan_settlement", cron="16 4 * * 1-5", needs="payments_to"),
    JobKind(name="print_letters", cron="*/5 * * * *", needs="letters_to"),
    JobKind(name="publish_card_lists", cron="11 1 * * *"),
    JobKind(name="read_bounces", cron="*/2 * * * *", needs="bounces"),
    JobKind(name="refresh_canaries", cron="31 2 * * *"),
    JobKind(name="settle_employers", cron="*/5 * * * *"),
    JobKind(name="remind_incidents", queue="incidents", cron="*/5 * * * *"),
    JobKind(name="remind_funds", cron="36 4 * * 1-5", needs="payments_to"),
    # Nothing to do but at the first time after midnight, or after what was missed.
    JobKind(name="renew_guard_rules", cron="6 * * * *"),
    JobKind(name="run_retention", takes=("run_id",)),
    JobKind(name="seal_segments", cron="21 * * * *"),
    JobKind(name="send_notices", cron="* * * * *"),
    JobKind(name="send_payments", takes=("run_id",)),
    JobKind(name="send_warnings", cron="* * * * *", needs="warnings_to"),
    JobKind(name="watch_exposed_claims", cron="*/2 * * * *"),
    JobKind(name="index_contracts", cron="46 23 * * *"),
    JobKind(name="try_schedule", takes=("schedule_ref",)),
    # After midnight in Paris, whatever the season.
    JobKind(name="sweep_former_members", cron="14 22,23 * * *"),
)
KINDS: Final[Mapping[str, JobKind]] = MappingProxyType({kind.name: kind for kind in _ALL})
