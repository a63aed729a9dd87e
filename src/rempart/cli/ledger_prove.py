"""`rempart ledger prove` and `verify`: one proof made, and one checked with nothing but itself.

`verify` opens no database, no network and no home: whoever has the file and a key can run it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import click

from rempart.disclosure.acts import COMMAND_LINE
from rempart.disclosure.consistency_file import HEADER as HISTORY_HEADER
from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.evidence import Trust, judge_entry, judge_history
from rempart.disclosure.note import NoteRefused, NoteVerifier
from rempart.disclosure.opening import Audience
from rempart.disclosure.proof_file import EvidenceRefused
from rempart.exchange.proof_code import read_proof_bytes
from rempart.exchange.proof_words import (
    DISAGREEMENTS,
    NO_KEY,
    Line,
    Words,
    describe_history,
    describe_proved,
    list_not_proved,
)
from rempart.kernel.findings import Language
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import open_installation
from rempart.wiring.segments import open_segment_store
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.prove_entry import prove_entry, prove_growth

EXIT_PROVED, EXIT_REFUSED, EXIT_NOT_JUDGED = 0, 1, 2
_MAX_BYTES: Final = 256 * 1024

_PROVED: Final = Words("PROUVÉ", "PROVED")
_NOT_PROVED: Final = Words("Cette preuve ne prouve pas :", "This proof does not prove:")
_REFUSED: Final = Words("REFUSÉ", "REFUSED")
_NOT_JUDGED: Final = Words(
    "NON JUGÉ : tout concorde, mais personne n’a encore signé à vos yeux.",
    "NOT JUDGED: everything agrees, but nobody whom you know has signed.",
)


@click.command()
@click.option("--log", "log_id", type=click.IntRange(0, 32767), required=True, help="Its log.")
@click.option("--index", type=click.IntRange(0), help="Its place in the log.")
@click.option(
    "--for",
    "audience",
    type=click.Choice([one.value for one in Audience]),
    help="Who is shown it: what is opened depends on that.",
)
@click.option(
    "--consistency",
    type=(click.IntRange(1), click.IntRange(1)),
    metavar="OLD NEW",
    help="Prove instead that the log only grew between two sizes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
    default="-",
    help="Where to write the proof.  [default: standard output]",
)
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), help="Also print it here.")
def prove(
    *,
    log_id: int,
    index: int | None,
    audience: str | None,
    consistency: tuple[int, int] | None,
    output: Path,
    pdf: Path | None,
) -> None:
    """Prove one entry, or that a log only grew; the text needs nothing else to be checked."""
    if (consistency is None) == (index is None) or (index is None) != (audience is None):
        raise click.UsageError("give --index with --for, or --consistency OLD NEW")
    settings = Settings.from_environment()
    with (
        open_installation(settings) as installation,
        installation.database.transaction("auditor") as tx,
    ):
        if consistency is not None:
            text = prove_growth(tx, log_id, old_size=consistency[0], new_size=consistency[1])
        else:
            text = prove_entry(
                tx,
                open_acts_log(settings, installation.home, installation.database),
                log_id,
                index or 0,
                Audience(audience or ""),
                store=open_segment_store(settings, installation.home),
                by=COMMAND_LINE,
            )
    with click.open_file(str(output), "wb") as stream:
        stream.write(text.encode())
    if pdf is not None and consistency is None:
        # Typst is loaded by whoever prints only.
        from rempart.exchange.proof_document import print_proof

        pdf.write_bytes(print_proof(text, made_at=datetime.now(UTC)))


@click.command()
@click.argument("proof", type=click.File("rb"))
@click.option("--vkey", "vkeys", multiple=True, help="A log's key, received from elsewhere.")
@click.option("--witness", "witnesses", multiple=True, help="A witness's key.")
@click.option(
    "--quorum", type=click.IntRange(0), help="Witnesses needed.  [default: all those named]"
)
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    proof: BinaryIO,
    vkeys: tuple[str, ...],
    witnesses: tuple[str, ...],
    quorum: int | None,
    language: Language,
) -> None:
    """Check PROOF without a database, a network or a home, and say what it proves.

    Exits with 0 when it is proved, 1 when a part of it disagrees, 2 when it could not be judged
    (no --vkey, or the file cannot be read).
    """
    trust = Trust(
        logs=[_parse_log_key(one) for one in vkeys],
        witnesses=[_parse_witness_key(one) for one in witnesses],
        quorum=len(witnesses) if quorum is None else quorum,
    )
    try:
        status = _judge(read_proof_bytes(proof.read(_MAX_BYTES)), trust, language)
    except EvidenceRefused as refusal:
        click.echo(f"{_REFUSED.say(language)}: {DISAGREEMENTS[refusal.what].say(language)}")
        click.echo(f"  [{refusal.what}] {refusal}")
        status = EXIT_REFUSED
    ctx.exit(status)


def _judge(text: str, trust: Trust, language: Language) -> int:
    if text.startswith(HISTORY_HEADER):
        history = judge_history(text, trust)
        lines, unproved = describe_history(history, language), []
        key = history.new.key
        if key is None:
            unproved = [NO_KEY.say(language)]
    else:
        entry = judge_entry(text, trust)
        lines, unproved = describe_proved(entry, language), list_not_proved(entry, language)
        key = entry.endorsed.key
    click.echo((_PROVED if key else _NOT_JUDGED).say(language))
    _print_lines(lines)
    if unproved:
        click.echo(_NOT_PROVED.say(language))
        for one in unproved:
            click.echo(f"  - {one}")
    return EXIT_PROVED if key else EXIT_NOT_JUDGED


def _print_lines(lines: list[Line]) -> None:
    width = max(len(line.name) for line in lines)
    for name, value in lines:
        click.echo(f"  {name:<{width}}  {value}")


def _parse_log_key(vkey: str) -> NoteVerifier:
    try:
        return NoteVerifier.parse(vkey)
    except NoteRefused as refusal:
        raise click.BadParameter(str(refusal), param_hint="--vkey") from refusal


def _parse_witness_key(vkey: str) -> CosignatureVerifier:
    try:
        return CosignatureVerifier.parse(vkey)
    except NoteRefused as refusal:
        raise click.BadParameter(str(refusal), param_hint="--witness") from refusal
