"""The `rempart` command. Loads a command's module only when it is called."""

import csv
import importlib
import io
import sys
from typing import NoReturn

import click

from rempart import __version__
from rempart.kernel.errors import InvalidRequest, RempartError
from rempart.kernel.findings import BadValue

# command: (module, attribute, one line of help)
COMMANDS = {
    "demo": ("rempart.cli.demo", "demo", "Everything at once, on synthetic people."),
    "init": ("rempart.cli.database", "init", "Create the home: keys, database, roles, schema."),
    "db": ("rempart.cli.database", "db", "Look after the database: status, migrate, shell."),
    "backup": ("rempart.cli.backup", "backup", "Make backups, check them, try to restore one."),
    "restore": (
        "rempart.cli.restore",
        "restore",
        "Bring a backup back, then open it.",
    ),
    "serve": ("rempart.cli.serve", "serve", "Start the gateway, the portals, or both on one port."),
    "work": ("rempart.cli.work", "work", "Do what runs without anybody waiting for it."),
    "jobs": ("rempart.cli.jobs", "jobs", "List jobs, retry, cancel, ask for one."),
    "synth": ("rempart.cli.synth", "synth", "Write synthetic feeds and professionals."),
    "feed": ("rempart.cli.feed", "feed", "Import an insurer's feed of rights."),
    "cards": ("rempart.cli.cards", "cards", "Issue cards, revoke them, publish their lists."),
    "card": ("rempart.cli.cards", "card", "Verify a card without a network."),
    "client": ("rempart.cli.client", "client", "Load professionals; register software."),
    "organisation": (
        "rempart.cli.organisation",
        "organisation",
        "Create, list, stop organisations.",
    ),
    "employer": (
        "rempart.cli.employer",
        "employer",
        "Attach employers to collective contracts; prices.",
    ),
    "invite": ("rempart.cli.invite", "invite", "Invite a first agent, or a member by letter."),
    "bank-details": (
        "rempart.cli.bank_details",
        "bank_details",
        "Let changes of account take effect.",
    ),
    "claims": ("rempart.cli.claims", "claims", "Share claims out; tell one line by line."),
    "benefits": ("rempart.cli.benefits", "benefits", "Say what insurers' contracts pay."),
    "standing": ("rempart.cli.standing", "standing", "Say what is known of who bills."),
    "settlement": (
        "rempart.cli.settlement",
        "settlement",
        "Pay professionals: plan, approve, send, import.",
    ),
    "warnings": (
        "rempart.cli.warnings",
        "warnings",
        "Send warnings; load where people are warned.",
    ),
    "continuity": (
        "rempart.cli.continuity",
        "continuity",
        "Cut and restore rights; require presence; terminals.",
    ),
    "ledger": ("rempart.cli.ledger", "ledger", "Audit, prove and ask the disclosure ledger."),
    "guard": ("rempart.cli.guard", "guard", "Judge look-ups: replay, contain, release."),
    "scope": ("rempart.cli.scope", "scope", "Say who was exposed, from any portal's logs."),
    "incident": ("rempart.cli.incident", "incident", "Declare an incident; answer: exactly who?"),
    "notice": ("rempart.cli.notice", "notice", "Check what people are told; follow it to them."),
    "retention": (
        "rempart.cli.retention",
        "retention",
        "Keep, archive, erase on time; hold; prove it.",
    ),
    "witness": ("rempart.cli.witness", "witness", "Watch logs: cosign what only ever grows."),
    "dev": ("rempart.cli.dev", "dev", "Simulate Pro Santé Connect, a company provider, a relay."),
    "drill": ("rempart.cli.drill", "drill", "Replay January 2024 and answer: who was exposed?"),
}


class LazyGroup(click.Group):
    """A click group that imports a command's module when it is first needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, or None when the name is unknown."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a wrong table above is a bug
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rempart")
def cli() -> None:
    """Rempart: tiers payant where a stolen account is worth almost nothing."""


def main() -> None:
    """Run the command line; an expected refusal is one clear line, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without some letter gets its number: no command ends half-way for that.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli()
    except RempartError as refusal:
        _give_up(str(refusal), refusal.code)
    except BadValue as wrong:
        # Of an argument: in a file it would be a finding.
        _give_up(f"{wrong.refusal.en} {wrong.refusal.advice_en}", wrong.refusal.rule)
    except (UnicodeDecodeError, csv.Error):
        # What was read may hold people: it is not repeated.
        advice = "a file given here is not text in UTF-8: save it so and give it again"
        _give_up(advice, InvalidRequest.code)


def _give_up(words: str, code: str) -> NoReturn:
    click.echo(f"rempart: {words} [{code}]", err=True)
    sys.exit(1)
