"""Anybody reads the ledger's page on a phone, while `rempart serve` has it witnessed."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from tests.api.world import COVERED, card_body
from tests.browser.conftest import wait_until
from tests.foreign.own_witness import OwnWitness

from rempart.disclosure.cosignature import CosignatureVerifier
from rempart.disclosure.note import NoteSigner, parse_note
from rempart.wiring.home import Home

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def known_witness(home: Home, tmp_path: Path) -> Iterator[OwnWitness]:
    """A witness that follows the installation's two logs."""
    signers = [
        NoteSigner(f"rempart.invalid/{home.id}/log/{number}", home.log_keys(number)[0])
        for number in (0, 1)
    ]
    witness = OwnWitness(tmp_path / "witness", [signer.verifier.vkey for signer in signers])
    with witness.running():
        yield witness


@pytest.fixture
def environment(
    environment: dict[str, str], known_witness: OwnWitness, tmp_path: Path
) -> dict[str, str]:
    """The environment of an installation that has a witness."""
    known = known_witness.known
    file = tmp_path / "witnesses.toml"
    file.write_text(
        'quorum = 1\n[[witness]]\nname = "Fédération d’essai"\n'
        f'vkey = "{known.verifier.vkey}"\nurl = "{known.url}"\n'
    )
    return {**environment, "REMPART_WITNESSES_FILE": str(file)}


def test_anybody_sees_what_is_signed_and_who_watches(stack, visit, known_witness: OwnWitness):
    assert stack.ask(card_body(COVERED)).status_code == 200
    address = f"{stack.url}/ledger/1/checkpoint"
    # The first round may have come before the first checkpoint; the next is ten seconds later.
    wait_until(lambda: httpx.get(address, verify=False).status_code == 200)
    note = parse_note(httpx.get(address, verify=False).text)
    verifier: CosignatureVerifier = known_witness.known.verifier
    assert verifier.verify(note).witness == verifier.name

    page = visit.page
    page.goto(stack.url)
    page.get_by_role("link", name="Registre public").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Le registre, vérifiable par tous")
    expect(page.get_by_text("Fédération d’essai")).to_be_visible()
    page.get_by_text("Le point de contrôle publié").first.click()
    visit.shoot("public-ledger")
