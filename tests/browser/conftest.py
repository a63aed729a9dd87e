"""A real Chromium before a really running stack: front, gateway, portals, database.

With REMPART_SCREENSHOTS=1 the screenshots of the documentation are taken again; otherwise they go
to a temporary directory, so that the same lines are run.
"""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Response,
    expect,
    sync_playwright,
)
from tests.api.world import World, populate
from tests.portals import people, samples
from tests.tokens import Minter, Prover

from rempart.accounts.tokens import Binding
from rempart.portals import session_store
from rempart.storage.connect import Database
from rempart.wiring.home import Home

DOCS = Path(__file__).parents[2] / "docs" / "screenshots"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SIZES = {1280: 900, 390: 844}
START_LIMIT_S = 120
# The innermost things that reach past the right edge of the page.
STICKS_OUT = """() => [...document.body.querySelectorAll("*")].filter(one =>
  one.getBoundingClientRect().right > document.documentElement.clientWidth
  && !one.closest(".scroll") && !one.children.length).map(one => one.outerHTML.slice(0, 200))"""
# Whether who sees the page sees where the focus is: on the thing, or around what stands for it.
SHOWS_FOCUS = """it => [it, it.parentElement, it.nextElementSibling].some(one => {
  if (!one) return false;
  const style = getComputedStyle(one);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
})"""
MOST_TABS = 150
# How long a page may take to show what it must, on a machine that does many other things.
PATIENCE_MS = 60_000
# Reading the authorities of the machine costs more than a request, and no certificate is met here.
PLAIN: dict[str, Any] = {"trust_env": False, "verify": False}
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


@dataclass(frozen=True)
class Stack:
    """A running installation: where it answers, its database, and the people in it."""

    url: str
    database: Database
    world: World

    def enter(self, page: Page, who: people.Somebody) -> None:
        """Give a browser the live session of somebody, just stepped up."""
        token = secrets.token_hex(16)
        people.adopt(token, self.database, who)
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.django_session (session_key, session_data, expire_date)"
                " VALUES (%s, '', now() + interval '1 hour')",
                (session_store._format_digest(token),),
            )
        page.context.add_cookies([{"name": "rempart_session", "value": token, "url": self.url}])

    def add_pharmacist(self) -> people.Somebody:
        """Add a pharmacist with their own establishment."""
        return people.make_holder(self.database, samples.add_professional(self.database))

    def ask(self, body: dict[str, object]) -> httpx.Response:
        """Ask the gateway through the front, as software does."""
        address, prover = f"{self.url}/v1/rights-checks", Prover()
        minter = Minter(key_seed=self.world.home.key("token"), bearer=self.world.bearer)
        token = minter.mint(Binding("jkt", prover.thumbprint), issuer=self.url)
        while True:
            proof = prover.prove("POST", address, token)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            reply = httpx.post(address, json=body, headers=headers, **PLAIN)
            if reply.status_code != httpx.codes.UNAUTHORIZED or prover.nonce:
                return reply
            prover.nonce = reply.headers["DPoP-Nonce"]


def find_barriers(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical on a page, with the first place of each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@dataclass
class Visit:
    """A browser page that remembers what its console complained of."""

    page: Page
    shots: Path
    spare: Path
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("response", self._check_origin)
        self._home = ""

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium reports every refused form as an error of its own; a policy violation is ours.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _check_origin(self, response: Response) -> None:
        origin = "/".join(response.url.split("/")[:3])
        self._home = self._home or origin
        if origin != self._home:
            self.complaints.append(f"a resource from elsewhere: {origin}")

    def shoot(self, name: str, *, whole: bool = True) -> None:
        """Take the page at both sizes, and insist that nothing sticks out sideways.

        The documentation keeps those that it shows.

        Args:
            name: What is on it.
            whole: Whether to take all of it, or only what the window shows.
        """
        for width in self._resize(name):
            file = f"{name}-{width}.png"
            place = self.shots if (DOCS / file).exists() else self.spare
            self.page.screenshot(path=place / file, full_page=whole)

    def _resize(self, name: str) -> Iterator[int]:
        """Show the page at each width; insist that it fits and that nothing bars the way."""
        for width, height in SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            overflow = self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            wide = self.page.evaluate(STICKS_OUT) if overflow > 0 else ""
            assert overflow <= 0, f"{name} is wider than {width} px by {overflow}: {wide}"
            yield width
            assert find_barriers(self.page) == [], f"{name} at {width} px"
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def tour_in_english(self, home: str, *pages: str) -> None:
        """Look at pages again in English, at both sizes; nothing is photographed.

        Args:
            home: Where the installation answers.
            pages: Addresses there.
        """
        self.page.goto(f"{home}{pages[0]}")
        self.press(self.page.get_by_role("button", name="English"))
        expect(self.page.locator("html")).to_have_attribute("lang", "en")
        for address in pages:
            answer = self.page.goto(f"{home}{address}")
            assert answer is not None
            assert answer.status < 404, f"{address} answers {answer.status}"
            expect(self.page.locator("html")).to_have_attribute("lang", "en")
            for _width in self._resize(f"{address} in English"):
                pass

    def tab_to(self, target: Locator) -> None:
        """Come to something with the Tab key alone, and see that one is there."""
        one = target.first.element_handle()
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if one.evaluate("it => it === document.activeElement"):
                assert one.evaluate(SHOWS_FOCUS), f"one does not see that it has the focus: {one}"
                return
        raise AssertionError(f"the Tab key does not lead to {target}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        """Come to a link, a button or a box with the Tab key, and press a key on it."""
        self.tab_to(target)
        self.page.keyboard.press(key)

    def type(self, target: Locator, text: str) -> None:
        """Come to a field with the Tab key, and type in it."""
        self.tab_to(target)
        self.page.keyboard.type(text)


@pytest.fixture
def stack(
    database: Database, home: Home, environment: dict[str, str], unused_port: int
) -> Iterator[Stack]:
    """`rempart serve` over a small world."""
    world = populate(database, home)
    command = [sys.executable, "-m", "rempart", "serve"]
    # A host name, not an address: passkeys work for a name.
    url = f"http://localhost:{unused_port}"
    with subprocess.Popen(
        command,
        env={**environment, "REMPART_PORT": str(unused_port)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: is_ready(url))
            yield Stack(url, database, world)
        finally:
            process.terminate()
            _, written = process.communicate(timeout=120)
            print(written)  # a start that took too long says why
    assert "Traceback" not in written, written


def is_ready(url: str) -> bool:
    """Say whether the whole stack answers: the gateway, and the pages behind the same port."""
    try:
        gateway = httpx.get(f"{url}/readyz", **PLAIN)
        pages = httpx.get(f"{url}/connexion", **PLAIN)
    except httpx.HTTPError:
        return False
    return gateway.is_success and not pages.is_server_error


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come."""
    limit = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver; it leaves with its module: its event loop would stay under other tests."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser of the machine: nothing is downloaded."""
    found = os.environ.get("REMPART_CHROMIUM") or shutil.which("chromium")
    assert found, "install Chromium (apt install chromium) or name it in REMPART_CHROMIUM"
    browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_FLAGS))
    yield browser
    browser.close()


@pytest.fixture
def visit(chromium: Browser, tmp_path: Path) -> Iterator[Visit]:
    """A fresh browser of a French professional; it must have nothing to complain of at the end."""
    shots = DOCS if os.environ.get("REMPART_SCREENSHOTS") == "1" else tmp_path
    shots.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(
        locale="fr-FR",
        timezone_id="Europe/Paris",
        viewport={"width": 1280, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), shots, tmp_path)
    yield visit
    context.close()
    assert visit.complaints == []
