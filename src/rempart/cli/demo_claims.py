"""`rempart dev claims`: weeks of claims and two payment runs, for the pages of a demonstration.

Professionals check and bill at the running gateway; the rest is what the worker and the command
line do. One thing is lent: the second person of the first run, whom no page would take on the day
they arrived. Twice changes nothing.
"""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import click

from rempart.cli.demo_desks import CLAIMS, Billing, Street, draw_billings
from rempart.client import Rempart, SigningKey
from rempart.kernel.errors import SetupError
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.settlement.references import format_message_id, format_reference
from rempart.simulators.bank import Booking, write_statement
from rempart.storage import benefit_tables, payment_pages, professional_accounts, settlement
from rempart.synth.guarantees import CONVENTION_TYPES
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation, open_installation
from rempart.wiring.payments import load_payer, open_counter
from rempart.wiring.providers import SIMULATED_COMPANY
from rempart.wiring.settings import Settings
from rempart.workflows.claims.adjudicate_claims import Library, adjudicate_batch
from rempart.workflows.claims.benefit_tables import Proposal, install_benefits
from rempart.workflows.claims.explain_claim import count_claims
from rempart.workflows.settlement.approve_run import approve_run
from rempart.workflows.settlement.call_funds import call_funds
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.import_bank_file import import_bank_file
from rempart.workflows.settlement.send_payments import send_run

PAYER_FILE: Final = "payer.toml"
PAYMENTS: Final = "payments"
SECOND_PERSON: Final = "agent-operateur"
_PAYER_SERIAL: Final = 99_000_000_000
_OPENING_CENTS: Final = 100_000_000
_PATIENCE_S: Final = 20
_TABLE: Final = """\
[[table]]
code = "DEMO"
from = 2020-01-01
responsible = true

[[table.limit]]
name = "glasses"
label = "Un équipement dans le délai de renouvellement"
per = "renewal"
units = 1
renewal = "optical"

[[table.benefit]]
label = "Optique 100 % Santé"
acts = ["MON", "VER"]
pays = "real_cost"
basket = "full"
limits = ["glasses"]

[[table.benefit]]
label = "Monture"
acts = ["MON"]
pays = "real_cost"
cap = "80,00"
limits = ["glasses"]

[[table.benefit]]
label = "Verres"
acts = ["VER"]
pays = "real_cost"
cap = "90,00"
limits = ["glasses"]

[[table.benefit]]
label = "Médecins"
acts = ["domain:MEDG", "domain:MEDS"]
pays = "rate_with_amo"
rate = "150"

[[table.benefit]]
label = "Tout le reste"
acts = ["*"]
pays = "ticket_moderateur"
"""


def prepare_payments(home: Path) -> dict[str, str]:
    """Write who pays and where files to the bank go; return the settings that say so."""
    payer, folder = home / PAYER_FILE, home / PAYMENTS
    folder.mkdir(parents=True, exist_ok=True)
    iban = make_synthetic_iban(_PAYER_SERIAL).number
    payer.write_text(
        f'name = "Opérateur de démonstration"\niban = "{iban}"\nbic = "SYNTFRPPXXX"\n', "utf-8"
    )
    return {"REMPART_PAYER_FILE": str(payer), "REMPART_PAYMENTS_TO": str(folder)}


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--insurer", "amc_numbers", multiple=True, required=True, help="Their AMC numbers.")
@click.option("--card", required=True, help="The card of somebody all know.")
@click.option("--url", required=True, help="Where the installation answers.")
@click.option("--psc", required=True, help="The simulated Pro Santé Connect's protocol.")
@click.option("--software", required=True, help="The registered software that bills.")
@click.option("--key", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--claims", "count", default=CLAIMS, show_default=True, help="How many.")
def claims(
    *,
    data: Path,
    amc_numbers: tuple[str, ...],
    card: str,
    url: str,
    psc: str,
    software: str,
    key: Path,
    count: int,
) -> None:
    """Have synthetic professionals bill, and pay what is due: one run sent, one that waits."""
    settings = Settings.from_environment()
    if not settings.dev_psc:
        raise SetupError("set REMPART_DEV_PSC=1: simulated claims are not for a real installation")
    today = today_in_paris()
    crowd, billings = draw_billings(
        data, amc_numbers=amc_numbers, card=card, until=today, claims=count
    )
    with (
        open_installation(settings) as at,
        Rempart(url, client_id=software, key=SigningKey.load(key)) as rempart,
    ):
        for number in dict.fromkeys(amc_numbers):
            _give_table(at, number)
        street = Street(rempart=rempart, psc=psc, client_id=software, crowd=crowd)
        sent = _bill(at, street, billings, batch=0, today=today)
        if not any(run.state == "sent" for run in _list_runs(at)):
            settle(at, today)
        pecs = street.ask_pecs(billings, today=today)
        sent += _bill(at, street, billings, batch=1, today=today)
        agree(at, plan(at, today))
    click.echo(f"{sent} claims, {pecs} prises en charge; one run is paid, one waits for somebody")


def _give_table(at: Installation, amc_number: str) -> None:
    """Put a table in force for an insurer that has none."""
    with at.database.transaction("settler") as tx:
        insurer_id = benefit_tables.find_insurer(tx, amc_number)
        if not benefit_tables.list_files(tx, insurer_id):
            content = make_benefit_file()
            install_benefits(tx, Proposal(insurer_id=insurer_id, content=content, note="Démo"))


def make_benefit_file() -> bytes:
    """Return the table of the demo's insurers, chosen for every routing code."""
    choices = "".join(
        f'\n[[choice]]\nconvention_type = "{one}"\ntable = "DEMO"\nfrom = 2020-01-01\n'
        for one in CONVENTION_TYPES
    )
    return (_TABLE + choices).encode()


def _bill(
    at: Installation, street: Street, billings: Sequence[Billing], *, batch: int, today: date
) -> int:
    """Have a batch sent, and share it out here or wait for the worker to have done so."""
    sent = street.send(billings, batch=batch)
    library = Library(at.home.key("engagement"))
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with at.database.transaction("settler") as tx:
            shared = adjudicate_batch(tx, library, today=today)
        if shared.claims:
            continue
        with at.database.transaction("settler") as tx:
            counts = count_claims(tx, None, today - timedelta(days=1))
        if not any(one.state == "received" for one in counts):
            break
        time.sleep(0.2)
    return sent


def settle(at: Installation, today: date) -> None:
    """Plan the first run, approve it, send it, and hear from the bank."""
    opened = partial(at.database.transaction, "settler")
    run_id = plan(at, today)
    agree(at, run_id)
    with at.database.transaction("registrar") as tx:
        actor = professional_accounts.find_linked_actor(tx, SIMULATED_COMPANY, SECOND_PERSON)
    if actor is None:
        raise SetupError("the simulated operator has no account: run `rempart dev people` first")
    with opened() as tx:
        settlement.lend_second_person(tx, run_id, actor.actor_ref)
    send_run(opened, open_counter(at), run_id)
    with opened() as tx:
        calls = call_funds(tx, today=today)
        files = payment_pages.list_files(tx, run_id)
    payer = load_payer(at).iban
    bookings = [Booking(-one.cents, batch=format_message_id(one.file_id)) for one in files]
    # The first insurer has sent its funds; the others have still time.
    bookings += [
        Booking(one.cents, reference=format_reference("call", one.call_id)) for one in calls[:1]
    ]
    path = at.home.path / PAYMENTS / f"bank-{run_id}.camt053"
    path.write_bytes(
        write_statement(
            bookings,
            name=f"DEMO-{run_id}",
            day=max((one.execution_on for one in files), default=today),
            account=payer,
            opening_cents=_OPENING_CENTS,
        )
    )
    with opened() as tx:
        import_bank_file(tx, path, account=payer)


def plan(at: Installation, today: date) -> int:
    """Plan a run, or go on with the one that waits."""
    opened = partial(at.database.transaction, "settler")
    for run in _list_runs(at):
        if run.state == "planned":
            return run.run_id
    with opened() as tx:
        run_id = begin_plan(tx, today)
    done = False
    while not done:
        with opened() as tx:
            done = plan_piece(tx, run_id).done
    return run_id


def agree(at: Installation, run_id: int) -> None:
    """Agree to a run as the command line, once."""
    if any(run.run_id == run_id and run.first_at is None for run in _list_runs(at)):
        with at.database.transaction("settler") as tx:
            approve_run(tx, None, run_id)


def _list_runs(at: Installation) -> list[payment_pages.BareRun]:
    with at.database.transaction("settler") as tx:
        return payment_pages.list_runs_bare(tx, most=10)
