"""`rempart demo`: from nothing to the whole product on one port, with a drill of stolen accounts.

Each step is the public command a user would type, so the demo cannot promise what the
product does not do.
"""

import contextlib
import csv
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import click
import httpx

from rempart.accounts.roles import Role
from rempart.cli.demo_claims import prepare_payments
from rempart.cli.demo_employers import NUMBER, find_start, write_employer_files
from rempart.cli.demo_notices import delivering
from rempart.kernel.errors import SetupError
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import remove_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

SEED = 2024
ESTABLISHMENTS_WARNED = 50
PUBLISHER = "Logiciels Lambda"
EXAMPLE_CLIENT = "logiciel-exemple"  # the simulated Pro Santé Connect knows it by this name too
EXAMPLE_KEY = "example-key.json"
EXAMPLE = "examples/check_rights.py"
CLAIM_EXAMPLE = "examples/send_claim.py"
# Who is named to sign in as; each of them bills in the demo.
SHOWN_PROFESSIONS = {"pharmacy": "pharmacist", "optician": "optician", "hospital": "hospital"}
CONSULTED = "consulted-card.txt"  # the drill writes whose cards were shown, most often first
CARDS = "cards-issued"  # a file that says that the cards of the member's insurer were made
TOLD = "people-told"  # a file that says that an incident was told to the people it concerns
EMPLOYER = "Entreprise Lambda"
ATTACHED = "attached"  # files that say how far the employer of the demo was made
EMPLOYED = "employed"
BILLED = "claims-billed"  # a file that says that the claims of the demo were all sent and paid
START_TIMEOUT_S = 60
_INSURED = "1"  # the quality of an insured person, in a feed


@click.command()
@click.option("--members", default=100_000, show_default=True, help="Synthetic people to make.")
@click.option("--port", default=8080, show_default=True, help="The one port everything answers on.")
@click.option("--drill/--no-drill", default=True, help="Play a short drill once it runs.")
@click.option("--open/--no-open", "open_browser", default=False, help="Open the incident page.")
@click.option("--clean", is_flag=True, help="Remove the demo's data and stop.")
@click.option("--exit-when-ready", is_flag=True, help="Stop once all has been shown.")
@click.option("--home", envvar="REMPART_HOME", type=click.Path(path_type=Path), required=True)
def demo(
    *,
    members: int,
    port: int,
    drill: bool,
    open_browser: bool,
    clean: bool,
    exit_when_ready: bool,
    home: Path,
) -> None:
    """Make synthetic data, start everything, play a short drill, and say what to try.

    A second run reuses the data of the first.
    """
    synth = home / "synth"
    os.environ.update(
        REMPART_HOME=str(home),
        REMPART_PORT=str(port),
        # Nobody has a card reader or a company account here: both providers are simulated.
        REMPART_DEV_PSC="1",
        REMPART_DEV_PSC_PROFESSIONALS=str(synth / "professionals.csv"),
        REMPART_DEV_PSC_AGENTS=str(synth / "agents.toml"),
        # Nor a bank that answers for names: the last digit of an account does.
        REMPART_PAYEE_CHECK="fake",
    )
    # A service manager's SIGTERM stops the demo as Ctrl-C does, children included.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # By name: passkeys do not exist at an address of numbers.
    base_url = f"http://localhost:{port}"
    if clean:
        _clean(home)
        return
    _refuse_busy_port(port)
    try:
        _prepare(home, members)
        os.environ.update(prepare_payments(home))
        with delivering(home):
            server = subprocess.Popen(_command("serve"))
            try:
                _wait_until_ready(server, base_url)
                if drill:
                    _step("Stolen accounts, in every way known, against the guard: about a minute")
                    consulted = ("--consulted", str(synth / CONSULTED))
                    _run("drill", "--quick", "--keep", "--data", str(synth), *consulted)
                _issue_cards(home)
                _bill_and_pay(home, base_url)
                _tell_people(home)
                _show_addresses(home, base_url, open_browser=open_browser)
                if not exit_when_ready:
                    server.wait()
            finally:
                _stop(server)
    except KeyboardInterrupt:
        click.echo("\nStopped. The data is kept: `make demo` starts again in seconds.")


def _prepare(home: Path, members: int) -> None:
    """Bring the home to a loaded database; every command here does nothing when already done."""
    _step("Home, keys and embedded database")
    _run("init")
    _step(f"{members:_} synthetic people, about 100 insurers".replace("_", " "))
    _run("synth", "--members", str(members), "--seed", str(SEED), "--out", str(home / "synth"))
    _step("The insurers' feeds: validated, sealed, indexed")
    _run("feed", "import-all", str(home / "synth"))
    _step("Professionals")
    _run("client", "load", str(home / "synth" / "professionals.csv"))
    addresses = home / "synth" / "addresses.csv"
    addresses.write_text(_list_addresses(home / "synth" / "professionals.csv"), "utf-8")
    _run("warnings", "load", str(addresses))
    _step("The operator's, an insurer's, an employer's and a publisher's agents")
    agents = home / "synth" / "agents.toml"
    agents.write_text(_list_agents(_first(home / "synth" / "insurers.csv", "name")), "utf-8")
    _run("dev", "people", str(agents))
    _employ(home)
    _register_example(home)


def _employ(home: Path) -> None:
    """Attach the employer to a collective contract, once; a crash on the way is mended."""
    synth, folder = home / "synth", home / "employer"
    done = folder / EMPLOYED
    if done.is_file():
        return
    _step("An employer: a collective contract, its prices, forty of its staff")
    amc_number = _first(synth / "insurers.csv", "amc_number")
    feeds = (_read_feed(feed) for feed in sorted((synth / "feeds").glob("*.csv")))
    rows = (row for feed in feeds for row in feed if row["amc_number"] == amc_number)
    today = today_in_paris()
    write_employer_files(folder, rows, today)
    whose = ("--insurer", amc_number, "--number", NUMBER)
    starts_on = f"{find_start(today)}"
    if not (folder / ATTACHED).is_file():
        _run("employer", "contract", "--employer", EMPLOYER, *whose, "--from", starts_on)
        (folder / ATTACHED).touch()
    _run("employer", "tariffs", *whose, str(folder / "tariffs.csv"))
    _run("employer", "staff", *whose, str(folder / "staff.csv"))
    _run("employer", "settle")
    done.touch()


def _register_example(home: Path) -> None:
    """Register the software of examples/check_rights.py, once; a crash on the way is mended."""
    key, public = home / EXAMPLE_KEY, home / "example-key.jwk"
    if public.is_file():
        return
    _step("The example software and its key")
    key.unlink(missing_ok=True)
    draft = public.with_suffix(".draft")
    draft.write_text(_output("client", "new-key", str(key)), "utf-8")
    if EXAMPLE_CLIENT in _output_whole("client", "list"):
        _run("client", "rotate", EXAMPLE_CLIENT, "--jwk", str(draft), "--keep-hours", "0")
    else:
        names = (
            "--id",
            EXAMPLE_CLIENT,
            "--label",
            "Logiciel exemple",
            "--psc-client",
            EXAMPLE_CLIENT,
        )
        _run("client", "register", *names, "--publisher", PUBLISHER, "--jwk", str(draft))
    draft.rename(public)


def _issue_cards(home: Path) -> None:
    """Make the cards of the insurer of the demo's member, once."""
    done = home / CARDS
    if done.is_file():
        return
    _step("The cards of the member's insurer, as letters to print")
    amc_number, _, _, _ = _find_card(home / "synth")
    _run("cards", "issue", "--insurer", amc_number)
    _run("cards", "publish")
    done.touch()


def _bill_and_pay(home: Path, base_url: str) -> None:
    """Have professionals bill and be paid, once; a crash on the way is mended."""
    synth, done = home / "synth", home / BILLED
    if done.is_file():
        return
    _step("Some 300 claims: checked, billed, shared out; one payment run sent, one that waits")
    amc_number, _, card, _ = _find_card(synth)
    insurers = dict.fromkeys((amc_number, _first(synth / "insurers.csv", "amc_number")))
    named = [part for number in insurers for part in ("--insurer", number)]
    where = ("--url", base_url, "--psc", _find_psc(), "--key", str(home / EXAMPLE_KEY))
    whose = ("--data", str(synth), "--card", card, "--software", EXAMPLE_CLIENT)
    _run("dev", "claims", *named, *where, *whose)
    done.touch()


def _tell_people(home: Path) -> None:
    """Have an invented theft told to people, up to the last click, once."""
    synth, done = home / "synth", home / TOLD
    if done.is_file():
        return
    _step("An invented theft: its list, its public page, a campaign that waits for its insurer")
    card_insurer, _, card, _ = _find_card(synth)
    first = _first(synth / "insurers.csv", "amc_number")
    named = ("--card", card, "--card-insurer", card_insurer, "--insurer", first)
    _run("dev", "told", "--data", str(synth), *named)
    done.touch()


def _find_psc() -> str:
    """Return where the protocol of the simulated Pro Santé Connect answers."""
    port = Settings.from_environment().dev_psc_port
    return f"http://localhost:{port}/auth/realms/esante-wallet/protocol/openid-connect"


def _list_addresses(professionals: Path) -> str:
    """Return where the first establishments are warned, as a CSV file."""
    with professionals.open(encoding="utf-8", newline="") as lines:
        rows = list(itertools.islice(csv.DictReader(lines, delimiter=";"), ESTABLISHMENTS_WARNED))
    sirets = dict.fromkeys(row["siret"] for row in rows)
    return "owner;channel;address\n" + "".join(
        f"{siret};email;etablissement-{number}@example.invalid\n"
        for number, siret in enumerate(sirets, 1)
    )


def _list_agents(insurer: str) -> str:
    """Return who can sign in at the simulated company provider, as a TOML file."""
    agents = (
        ("agent-operateur", "Camille Durand", Role.OPERATOR_ADMIN, "operator", "Opérateur"),
        ("agent-securite", "Idriss Lemoine", Role.OPERATOR_SECURITY, "operator", "Opérateur"),
        ("agent-dpo", "Élise Carpentier", Role.OPERATOR_DPO, "operator", "Opérateur"),
        ("agent-assureur", "Sacha Martin", Role.INSURER_ADMIN, "insurer", insurer),
        ("agent-dpo-assureur", "Hélène Vidal", Role.INSURER_DPO, "insurer", insurer),
        ("agent-gestionnaire", "Bruno Lacaze", Role.INSURER_MANAGER, "insurer", insurer),
        ("agent-employeur", "Louise Bernard", Role.EMPLOYER_ADMIN, "employer", EMPLOYER),
        ("agent-rh", "Noé Perrin", Role.EMPLOYER_HR, "employer", EMPLOYER),
        ("agent-editeur", "Yanis Roche", Role.PUBLISHER_ADMIN, "publisher", PUBLISHER),
    )
    names = ("sub", "name", "role", "kind", "organisation")
    tables = (
        "".join(
            f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
            for name, value in zip(names, agent, strict=True)
        )
        for agent in agents
    )
    return "".join(f"[[agent]]\n{table}\n" for table in tables)


def _show_addresses(home: Path, base_url: str, *, open_browser: bool) -> None:
    synth = home / "synth"
    named = _list_professionals(synth / "professionals.csv")
    amc_number, insurer_id, card, born = _find_card(synth)
    code = _output("invite", "member", "--insurer", insurer_id, "--card", card)
    python = os.path.relpath(sys.executable)
    given = f"{base_url} {_find_psc()} \\\n         {home / EXAMPLE_KEY}"
    given += f" {named['pharmacy']['rpps']} {card}"
    programs = Path(sys.executable).parent.absolute()
    click.echo(
        f"""
{click.style("Rempart is running.", bold=True)}  Ctrl-C stops it; the data is kept.

  Everything is at      {click.style(base_url, bold=True)}

  Professionals         Se connecter, Pro Santé Connect (simulated), search and choose
{_format_professionals(named)}
     try: a card code   {card}, born {born[6:]}/{born[4:6]}/{born[:4]} (quotes and bills ask for it)
     look at            Factures, Rejets, Prises en charge: weeks of claims, some to correct
  At work               Se connecter, Entreprise (simulateur), choose
     Camille Durand     runs the operator: what waits is on the first page
     Idriss Lemoine     its security: what the guard holds, then Incidents
     Élise Carpentier   its data protection officer: Échéances, Violations, Conservation
     Sacha Martin       runs an insurer: Campagnes, one to read and approve; its messages leave
     Hélène Vidal       the insurer's data protection officer: Incidents, a package to open
     Bruno Lacaze       its claims: Factures, Appels de fonds, Garanties
     Louise Bernard     runs an employer; Noé Perrin is its human resources
     Yanis Roche        runs a software publisher
  Anybody               {base_url}/incidents/   what the insurer says to everybody
  Member                {base_url}/invitation   with the code {code}
                        (your browser makes a passkey; the code works once)
     look at: « Ma carte »; « Qui a consulté mes droits », then the proof of a line
              at {base_url}/preuve
  Software              {base_url}/docs/api   and two programs of forty lines, a right then a claim:
     {python} {EXAMPLE} {given}
     {python} {CLAIM_EXAMPLE} {given} {born}
  Auditor               {base_url}/ledger/   the public keys; `rempart ledger verify` needs no more
  Health, metrics       {base_url}/readyz   {base_url}/metrics

  Next, in another terminal, so that `rempart` is this one and finds this data:
     export REMPART_HOME={home} PATH={programs}:$PATH
     rempart ledger audit            recompute the whole ledger
     rempart cards issue --insurer {amc_number}   cards of an insurer (the member's: done)
     rempart --help                  everything else; docs/README.md lists the pages
     make drill                      a week of every attack, with figures
"""
    )
    if open_browser:
        webbrowser.open(base_url)


def _list_professionals(file: Path) -> dict[str, dict[str, str]]:
    """Return the first row of each profession."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return {row["profession"]: row for row in reversed(rows)}


def _format_professionals(named: dict[str, dict[str, str]]) -> str:
    """Return who may be chosen at the simulated provider, a line each, with where they work."""
    return "\n".join(
        f"     {words:<19}{row['first_name']} {row['family_name']}, {row['establishment']}"
        for words, row in ((words, named[name]) for name, words in SHOWN_PROFESSIONS.items())
    )


def _first(file: Path, column: str) -> str:
    """Return a column of the first row of a file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return next(csv.DictReader(lines, delimiter=";"))[column]


def _find_card(synth: Path) -> tuple[str, str, str, str]:
    """Find the demo's member: an insured person whose coverage is open.

    Of those whose cards the last drill showed, the most often; if there was one, they have a
    history to look at. A card is in the name of the insured: a spouse or a child has none yet.

    Returns:
        The AMC number and the reference of their insurer, the code of their card, and their birth
        date as AAAAMMJJ.
    """
    with (synth / "insurers.csv").open(encoding="utf-8", newline="") as lines:
        insurers = {row["amc_number"]: row for row in csv.DictReader(lines, delimiter=";")}
    shown = synth / CONSULTED
    wanted = shown.read_text("utf-8").split() if shown.is_file() else []
    found: dict[str, tuple[str, str, str, str]] = {}
    for feed in sorted((synth / "feeds").glob("*.csv")):
        for row in _read_feed(feed):
            card = row["card_code"]
            if (found and card not in wanted) or not _is_open_holder(row):
                continue
            amc_number = row["amc_number"]
            insurer_id = insurers[amc_number]["insurer_id"]
            found[card] = (amc_number, insurer_id, card, row["birth_date"])
            if card in wanted[:1] or not wanted:
                return found[card]
    if not found:
        raise SetupError(f"no card of {synth} is open today: `make clean` and start again")
    return found[next((card for card in wanted if card in found), next(iter(found)))]


def _is_open_holder(row: dict[str, str]) -> bool:
    """Say whether a line is of somebody covered today, in whose own name a card is."""
    # The insurer of a line may have left the operator since.
    ends = (row["period_end"], row["suspended_from"], row.get("agreement_end"))
    is_open = not any(ends)
    return bool(row["card_code"]) and is_open and row["quality"] == _INSURED


def _read_feed(feed: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a feed: insurers write in several encodings, with several separators."""
    lines = feed.read_bytes().decode("utf-8-sig", errors="replace").splitlines(keepends=True)
    delimiter = max(";,\t|", key=lines[0].count)
    return csv.DictReader(lines, delimiter=delimiter)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rempart", *arguments]


def _run(*arguments: str) -> None:
    """Run one public command; its own message has said what is wrong when it fails."""
    done = subprocess.run(_command(*arguments), check=False)
    if done.returncode:
        raise SetupError(f"`rempart {arguments[0]}` did not succeed; see the lines above")


def _output(*arguments: str) -> str:
    return _output_whole(*arguments).strip().splitlines()[-1].strip()


def _output_whole(*arguments: str) -> str:
    done = subprocess.run(_command(*arguments), check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SetupError(f"`rempart {arguments[0]}` did not succeed; see the lines above")
    return done.stdout


def _step(title: str) -> None:
    click.secho(f"\n── {title}", bold=True)


def _refuse_busy_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SetupError(f"port {port} is already in use; choose another with --port")


def _wait_until_ready(server: "subprocess.Popen[bytes]", base_url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(base_url=base_url, timeout=2) as client:
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise SetupError("the server stopped while starting; see the lines above")
            with contextlib.suppress(httpx.TransportError):
                if client.get("/readyz").status_code == httpx.codes.OK:
                    return
            time.sleep(0.2)
    raise SetupError(f"the server was not ready after {START_TIMEOUT_S} s; see the lines above")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Ask the server to stop and wait; a Ctrl-C typed in a terminal has reached it already."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(timeout=30)
    except KeyboardInterrupt:
        server.wait(timeout=30)


def _clean(home: Path) -> None:
    if not home.exists():
        click.echo("Nothing to clean.")
        return
    remove_installation(Settings.from_environment(), Home.open(home), click.echo)
