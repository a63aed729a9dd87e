"""`rempart demo`: from nothing to the whole product on one port, with the story of January 2024.

Each step is the public command a user would type, so the demo cannot promise what the
product does not do.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

import click
import httpx

from rempart.kernel.errors import SetupError
from rempart.wiring.database import remove_installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

SEED = 2024
START_TIMEOUT_S = 60


@click.command()
@click.option("--members", default=100_000, show_default=True, help="Synthetic people to make.")
@click.option("--port", default=8080, show_default=True, help="The one port everything answers on.")
@click.option("--drill/--no-drill", default=True, help="Replay January 2024 once it runs.")
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
    """Make synthetic data, start everything, replay January 2024, and say what to try.

    A second run reuses the data of the first.
    """
    os.environ.update(REMPART_HOME=str(home), REMPART_PORT=str(port))
    # A service manager's SIGTERM stops the demo as Ctrl-C does, children included.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    base_url = f"http://127.0.0.1:{port}"
    if clean:
        _clean(home)
        return
    _refuse_busy_port(port)
    try:
        _prepare(home, members)
        server = subprocess.Popen(_command("serve"))
        try:
            _wait_until_ready(server, base_url)
            if drill:
                _step("January 2024, replayed against the running gateway")
                _run("drill", "--data", str(home / "synth"))
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


def _show_addresses(home: Path, base_url: str, *, open_browser: bool) -> None:
    rpps = _first_rpps(home / "synth" / "professionals.csv")
    professional = _output("client", "login-link", "--rpps", rpps, "--base-url", base_url)
    operator = _output("client", "login-link", "--operator", "--base-url", base_url)
    card = _first_card(home / "synth" / "feeds")
    rempart = f"REMPART_HOME={home} {os.path.relpath(Path(sys.executable).parent / 'rempart')}"
    click.echo(
        f"""
{click.style("Rempart is running.", bold=True)}  Ctrl-C stops it; the data is kept.

  Professional portal   {professional}
     try: a card code   {card}
  Operator's console    {operator}
     look at: Incidents, then the exposure table per insurer
  API                   {base_url}/docs/api   ({base_url}/v1/openapi.json)
  Health, metrics       {base_url}/readyz   {base_url}/metrics

  The links above work once, for fifteen minutes. For new ones:
     {rempart} client login-link --rpps {rpps}
     {rempart} client login-link --operator

  Next, in another terminal:
     make drill      the attack again, with figures
     {rempart} ledger verify      recompute the whole ledger
"""
    )
    if open_browser:
        webbrowser.open(base_url)


def _first_rpps(professionals: Path) -> str:
    with professionals.open(encoding="utf-8") as lines:
        header = next(lines).rstrip("\n").split(";")
        return next(lines).split(";")[header.index("rpps")]


def _first_card(feeds: Path) -> str:
    """Return the card code of a member whose coverage is open, to try the portal with."""
    for feed in sorted(feeds.glob("*.csv")):
        with feed.open(encoding="utf-8") as lines:
            header = next(lines).rstrip("\n").split(";")
            for line in lines:
                row = dict(zip(header, line.rstrip("\n").split(";"), strict=False))
                if row["card_code"] and not row["period_end"] and not row["suspended_from"]:
                    return row["card_code"]
    return "(no open card in this data)"


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rempart", *arguments]


def _run(*arguments: str) -> None:
    """Run one public command; its own message has said what is wrong when it fails."""
    done = subprocess.run(_command(*arguments), check=False)
    if done.returncode:
        raise SetupError(f"`rempart {arguments[0]}` did not succeed; see the lines above")


def _output(*arguments: str) -> str:
    done = subprocess.run(_command(*arguments), check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SetupError(f"`rempart {arguments[0]}` did not succeed; see the lines above")
    return done.stdout.strip().splitlines()[-1].strip()


def _step(title: str) -> None:
    click.secho(f"\n── {title}", bold=True)


def _refuse_busy_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SetupError(f"port {port} is already in use; choose another with --port")


def _wait_until_ready(server: "subprocess.Popen[bytes]", base_url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SetupError("the server stopped while starting; see the lines above")
        try:
            ready = httpx.get(f"{base_url}/readyz", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            ready = False
        if ready:
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
