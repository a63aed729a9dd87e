"""`rempart cards`: issue cards, revoke them, publish what verifiers take. `rempart card verify`."""

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rempart.cli.feed import Day
from rempart.exchange.card_letter import describe_columns
from rempart.exchange.card_readers import load_readers
from rempart.exchange.card_symbol import read_picture
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import NotFound, SetupError
from rempart.kernel.findings import BadValue, Language
from rempart.rights.card import Card, CardSerial
from rempart.rights.card_documents import (
    CardKeys,
    DocumentRefused,
    Revocations,
    parse_keys,
    parse_revocations,
)
from rempart.rights.card_verdict import CardColour, CardVerdict, verify_card
from rempart.rights.card_wording import WORDING
from rempart.storage import feeds
from rempart.storage.card_lists import list_signing_keys
from rempart.storage.cards import RunKind
from rempart.storage.connect import Transaction
from rempart.tariffs.domains import DOMAINS
from rempart.wiring.cards import load_root, load_signer, make_card_secrets, rotate_signer
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import open_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.rights.card_events import (
    load_documents,
    order_card,
    publish_documents,
    revoke_card,
    revoke_key,
    share_child,
    unshare_child,
)
from rempart.workflows.rights.issue_cards import (
    BATCH_SIZE,
    OPERATOR,
    CardsIssued,
    IssueProgress,
    IssueRequest,
    issue_cards,
)

INTERRUPTED = 130
EXIT_CODES = {CardColour.GREEN: 0, CardColour.RED: 1, CardColour.AMBER: 2}
UNREADABLE = 3
"""Exit code of `card verify` when there is nothing to judge: no picture, no list."""

_err = Console(stderr=True)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NAMES = {"keys": "cles.txt", "revocations": "revocations.txt", "domains": "domaines.txt"}


@click.group()
def cards() -> None:
    """Issue cards, revoke them, publish what verifiers take along."""


@click.group()
def card() -> None:
    """Verify a card without a network."""


@cards.command()
@click.option("--insurer", required=True, help="AMC number.")
@click.option("--year", type=click.IntRange(2020, 2099), help="Of validity; default: this year.")
@click.option("--orders", is_flag=True, help="Only the cards that were ordered.")
@click.option("--batch-size", type=click.IntRange(1, 5000), default=BATCH_SIZE, show_default=True)
@click.option("--out", type=_FOLDER, help="Default: <home>/cards/<AMC>-<year>.")
@click.option("--logo", type=_FILE, help="The insurer's logo, SVG.")
@click.option("--today", type=Day(), hidden=True)
def issue(
    *,
    insurer: str,
    year: int | None,
    orders: bool,
    batch_size: int,
    out: Path | None,
    logo: Path | None,
    today: date | None,
) -> None:
    """Make print-ready files: A4 letters with a card, one PDF per batch, and an index.

    Every contract without a card for the year gets one. Interrupted, even killed, the same command
    goes on: no card is made twice, none is missing.
    """
    day = today or today_in_paris()
    kind: RunKind = "orders" if orders else "yearly"
    with _connected() as (connection, home):
        insurer_id, amc_number = _find_insurer(connection, insurer)
        chosen = year or day.year
        request = IssueRequest(
            insurer_id=insurer_id,
            kind=kind,
            year=chosen,
            today=day,
            out=out or home.path / "cards" / f"{amc_number}-{chosen}",
            batch_size=batch_size,
            logo=None if logo is None else logo.read_bytes(),
        )
        with connection.transaction():
            signer = load_signer(home, connection, day)
        with _progress() as bar:
            task = bar.add_task("cards", total=None)

            def report(now: IssueProgress) -> None:
                text = f"{now.cards} cards"
                bar.update(task, completed=now.done, total=now.contracts, description=text)

            secrets = make_card_secrets(home, signer)
            issued = issue_cards(connection, secrets, request, report=report)
    _print_issued(issued)


@cards.command()
@click.argument("serial")
@click.option(
    "--reason",
    type=click.Choice(["lost", "stolen", "ended", "mistake"]),
    required=True,
    help="Why it counts no more.",
)
def revoke(serial: str, reason: str) -> None:
    """Take the card SERIAL back: its code opens nothing from now on."""
    with _connected() as (connection, _), connection.transaction():
        revoke_card(connection, _parse_serial(serial), reason)
    click.echo("Revoked. Offline, it counts until the next `rempart cards publish`.")


@cards.command()
@click.argument("serial")
@click.option(
    "--purpose",
    type=click.Choice(["reissue", "lost", "name_change", "separation"]),
    default="reissue",
    show_default=True,
    help="separation: each adult of the contract gets a card of their own.",
)
@click.option("--large-print", is_flag=True, help="From now on, in large print.")
def order(serial: str, purpose: str, large_print: bool) -> None:
    """Order a card in place of SERIAL; `rempart cards issue --orders` makes it."""
    with _connected() as (connection, _), connection.transaction():
        order_card(connection, _parse_serial(serial), purpose, large_print=large_print)
    click.echo("Ordered: `rempart cards issue --orders` makes it.")


@cards.command()
@click.argument("serial")
@click.argument("line", type=click.IntRange(1, 15))
@click.option("--with", "with_serial", required=True, help="The other adult's card.")
def share(serial: str, line: int, with_serial: str) -> None:
    """Put the child on LINE of the card SERIAL on another adult's card too."""
    with _connected() as (connection, _), connection.transaction():
        share_child(connection, _parse_serial(serial), line, _parse_serial(with_serial))
    click.echo("Shared, and ordered: `rempart cards issue --orders` makes the other card again.")


@cards.command()
@click.argument("serial")
@click.argument("line", type=click.IntRange(1, 15))
def unshare(serial: str, line: int) -> None:
    """Take the child on LINE off the card SERIAL; they stay on the other adult's."""
    with _connected() as (connection, _), connection.transaction():
        unshare_child(connection, _parse_serial(serial), line)
    click.echo("Online, this card's code opens the child's rights no more. A new card is ordered.")


@cards.command()
@click.option("--out", type=_FOLDER, help="Also write the lists there.")
@click.option("--today", type=Day(), hidden=True)
def publish(out: Path | None, today: date | None) -> None:
    """Sign and publish the lists of keys, revocations and domains; to be run every day."""
    with _connected() as (connection, home):
        root = load_root(home)
        with connection.transaction():
            done = publish_documents(
                connection, root, operator=OPERATOR, today=today or today_in_paris()
            )
            documents = load_documents(connection)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for kind, body in documents.items():
            (out / _NAMES[kind]).write_text(body, encoding="utf-8")
    click.echo(
        f"List {done.number}: {done.keys} keys, {done.revoked} revoked cards; "
        f"{done.closed} codes of expired cards closed."
    )


@cards.command()
def root() -> None:
    """Print the public key that signs the lists: verifiers must know it beforehand."""
    home = Home.open(Settings.from_environment().home)
    click.echo(base64.b64encode(load_root(home).public_key).decode())


@cards.command()
def keys() -> None:
    """List the keys that sign cards."""
    with _connected() as (connection, _):
        for key in list_signing_keys(connection):
            state = "revoked" if key.revoked else f"issues from {key.from_on} to {key.to_on}"
            click.echo(f"{key.key_id.hex()}  {state}")


@cards.command("rotate-key")
def rotate_key() -> None:
    """Sign new cards with a new key; those signed before go on counting."""
    with _connected() as (connection, home), connection.transaction():
        signer = rotate_signer(home, connection, today_in_paris())
    click.echo(f"Cards are now signed by {signer.key_id.hex()}. Run `rempart cards publish`.")


@cards.command("revoke-key")
@click.argument("key_id")
@click.confirmation_option(prompt="Every card this key signed stops counting offline. Go on?")
def revoke_key_command(key_id: str) -> None:
    """Stop trusting the key KEY_ID: every card it signed must be made again."""
    try:
        wanted = bytes.fromhex(key_id)
    except ValueError:
        raise click.UsageError("a key id is eight hexadecimal digits") from None
    with _connected() as (connection, _), connection.transaction():
        revoke_key(connection, wanted)
    click.echo("Revoked. Run `rempart cards publish`, then issue its cards again.")


@card.command()
@click.argument("what", metavar="IMAGE|CODE")
@click.option("--keys", "keys_file", type=_FILE, help="List of keys; default: the installation's.")
@click.option("--revocations", type=_FILE, help="List of revocations; default: idem.")
@click.option("--root", "root_key", help="Public root key, base64; default: this home's.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="fr", help="Of the verdict.")
@click.option("--today", type=Day(), hidden=True)
def verify(
    *,
    what: str,
    keys_file: Path | None,
    revocations: Path | None,
    root_key: str | None,
    lang: Language,
    today: date | None,
) -> None:
    """Say what a card is worth: a picture of it, or the text of its symbol.

    With --keys and --root nothing else is needed: no network, no database, no home.
    Exit codes: 0 green, 1 red, 2 amber, 3 nothing to judge.
    """
    try:
        text = _read_text(what)
        known, revoked = _load_lists(keys_file, revocations, root_key)
    except BadValue as bad:
        click.echo(f"{bad.refusal.message(lang)} {bad.refusal.advice(lang)}", err=True)
        sys.exit(UNREADABLE)
    except DocumentRefused as refused:
        click.echo(f"{refused} Fetch it again, and check --root.", err=True)
        sys.exit(UNREADABLE)
    verdict = verify_card(text, known, revoked, today or today_in_paris(), readers=load_readers())
    _print_verdict(verdict, known, revoked, lang)
    sys.exit(EXIT_CODES[verdict.colour])


def _read_text(what: str) -> str:
    """Read the symbol on a picture when `what` is a file; otherwise it is the text itself."""
    path = Path(what)
    # A symbol's text is longer than a file's name may be.
    if len(what) > 255 or not path.is_file():
        return what
    return read_picture(path.read_bytes())


def _load_lists(
    keys_file: Path | None, revocations: Path | None, root_key: str | None
) -> tuple[CardKeys, Revocations | None]:
    root = _read_root(root_key)
    if keys_file is not None:
        known = parse_keys(keys_file.read_text(encoding="utf-8"), root)
        if revocations is None:
            return known, None
        return known, parse_revocations(revocations.read_text(encoding="utf-8"), root)
    with _connected() as (connection, _):
        documents = load_documents(connection)
    text = revocations.read_text(encoding="utf-8") if revocations else documents["revocations"]
    return parse_keys(documents["keys"], root), parse_revocations(text, root)


def _read_root(root_key: str | None) -> bytes:
    if root_key is None:
        return load_root(Home.open(Settings.from_environment().home)).public_key
    try:
        root = base64.b64decode(root_key, validate=True)
    except ValueError:
        root = b""
    if len(root) != 32:
        raise click.UsageError("--root is the base64 of 32 bytes: see `rempart cards root`")
    return root


_COLOURS = {CardColour.GREEN: "VERT", CardColour.AMBER: "ORANGE", CardColour.RED: "ROUGE"}


def _print_verdict(
    verdict: CardVerdict, known: CardKeys, revoked: Revocations | None, language: Language
) -> None:
    words = WORDING[verdict.reason]
    name = _COLOURS[verdict.colour] if language == "fr" else verdict.colour.value.upper()
    click.secho(f"{name}  {words.message(language)}", bold=True)
    click.echo(words.advice(language))
    dated = f"{known.issue.issued_on}"
    listed = "–" if revoked is None else f"{revoked.issue.issued_on}"
    if language == "fr":
        click.echo(f"Clés du {dated}, révocations du {listed}.")
    else:
        click.echo(f"Keys of {dated}, revocations of {listed}.")
    if verdict.foreign is not None:
        click.echo(verdict.foreign.operator)
    if verdict.card is not None:
        _print_card(verdict.card, language)


def _print_card(card: Card, language: Language) -> None:
    """Print what the card says: labels, beneficiaries, guarantees; never its code."""
    french = language == "fr"
    head = "AMC {} · {} · CSR {} · {} {} · {} – {}{}"
    click.echo(
        head.format(
            card.amc_number.format(),
            card.convention_type,
            card.csr or "–",
            "adhérent" if french else "member",
            card.member_number,
            card.validity.starts_on,
            card.validity.ends_on,
            " · R" if card.responsible else "",
        )
    )
    for place, one in enumerate(card.beneficiaries, 1):
        period = card.period_of(one)
        click.echo(
            f"  {place}. {one.initial or '–'}. {one.birth_date.format()} "
            f"({one.birth_rank.format()})  {period.starts_on} – {period.ends_on}"
        )
    for places, cells in describe_columns(card):
        granted = [
            f"{code} {cell}" for code, cell in zip(DOMAINS, cells, strict=True) if cell != "–"
        ]
        click.echo(f"  {places}: {', '.join(granted)}")


@contextmanager
def _connected() -> Iterator[tuple[Transaction, Home]]:
    """Open the installation and a connection; turn Ctrl-C into a sentence."""
    try:
        with (
            open_installation(Settings.from_environment(), say=_err.print) as installation,
            installation.database.connect("feeds", autocommit=True) as connection,
        ):
            yield connection, installation.home
    except KeyboardInterrupt:
        _err.print("Interrupted: run the same command again, it goes on.")
        sys.exit(INTERRUPTED)


def _find_insurer(connection: Transaction, text: str) -> tuple[int, str]:
    try:
        number = AmcNumber.parse(text).number
    except BadValue as bad:
        raise click.UsageError(f"{bad.refusal.en} {bad.refusal.advice_en}") from bad
    insurer_id = feeds.find_insurer(connection, number)
    if insurer_id is None:
        raise NotFound(f"no insurer has the AMC number {number}: import a feed first")
    return insurer_id, number


def _parse_serial(text: str) -> CardSerial:
    serial = CardSerial.parse(text)
    if serial is None:
        raise click.UsageError("a card's number has four groups of four letters and digits")
    return serial


def _print_issued(issued: CardsIssued) -> None:
    again = "Resumed. " if issued.resumed else ""
    click.echo(f"{again}{issued.cards} cards in {issued.batches} files. Index: {issued.index}")
    if issued.skipped:
        raise SetupError(
            f"{issued.skipped} contracts have labels that no symbol can hold: they have no card"
        )


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_err, transient=True)
