"""`rempart claims`: share out what waits, count it, tell one claim line by line."""

from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from rempart.claims.references import format_reference, parse_reference
from rempart.cli.standing import outside
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.findings import Language
from rempart.kernel.money import format_euros
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_installation, open_transaction
from rempart.wiring.settings import Settings
from rempart.workflows.claims.adjudicate_claims import Library, adjudicate_batch
from rempart.workflows.claims.cancel_claim import carry_out_cancellations
from rempart.workflows.claims.explain_claim import count_claims, explain_claim


@click.group()
def claims() -> None:
    """Share claims out, count them, tell one line by line."""


@claims.command()
def adjudicate() -> None:
    """Share out all that waits, now; the worker does so every minute."""
    today, done = today_in_paris(), 0
    with open_installation(Settings.from_environment()) as at:
        library = Library(at.home.key("engagement"))
        with at.database.transaction("settler") as tx:
            taken_back = carry_out_cancellations(tx, today=today)
        with at.database.connect("settler") as connection:
            while True:
                batch = adjudicate_batch(connection, library, today=today)
                connection.commit()
                if not batch.claims:
                    break
                done += batch.claims
    click.echo(f"{done} claims shared out, {taken_back} taken back")


claims.add_command(outside)


@claims.command()
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True)
def counts(*, days: int) -> None:
    """Count claims and sums by day, insurer and state."""
    with open_transaction("settler") as tx:
        rows = count_claims(tx, None, today_in_paris() - timedelta(days=days))
    table = Table("Day", "Insurer", "State", "Claims", "Billed", "Complementary", box=None)
    for row in rows:
        sums = (format_euros(row.billed_cents, "en"), format_euros(row.amc_cents, "en"))
        table.add_row(f"{row.day}", str(row.insurer_id), row.state, str(row.claims), *sums)
    Console().print(table)


@claims.command()
@click.argument("reference")
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
def explain(*, reference: str, language: Language) -> None:
    """Tell what became of the claim of a REFERENCE, line by line. It prints no identity."""
    claim_ref = parse_reference(reference)
    if claim_ref is None:
        raise InvalidRequest("reference: three groups of four letters, as acknowledged")
    with open_transaction("settler") as tx:
        told = explain_claim(tx, None, claim_ref, language)
    click.echo(f"{format_reference(claim_ref)}: {told.claim.state}")
    for line in told.lines:
        click.echo(f"\n{line.line.number}. {line.label}, {line.line.care_on}")
        for sentence in line.sentences:
            click.echo(f"   {sentence}")
    for finding in told.findings:
        place = f"{finding.line}. " if finding.line else ""
        click.echo(f"\n{place}{finding.message} {finding.advice} [{finding.rule}]")
