"""The file of witnesses, and the process that asks them: what each refuses and says."""

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.witness_samples import ONE, TWO, make_quorum

from rempart.kernel.errors import SetupError
from rempart.wiring import cosigning as cosigning_module
from rempart.wiring.cosigning import Cosigning, CosigningApp, CosigningMetrics, make_authority
from rempart.wiring.processes import plan_parts
from rempart.wiring.settings import Settings
from rempart.wiring.witnesses import load_quorum
from rempart.workflows.ledger.cosign_ledger import Outcome

WITNESS = '[[witness]]\nname = "{name}"\nvkey = "{vkey}"\nurl = "{url}"\n'


def write(path: Path, quorum: str, *witnesses: tuple[str, str]) -> Path:
    parts = [f"quorum = {quorum}\n"]
    parts += [WITNESS.format(name="x", vkey=vkey, url=url) for vkey, url in witnesses]
    file = path / "witnesses.toml"
    file.write_text("".join(parts))
    return file


HTTPS = "https://witness.example/prefix/"


def test_a_file_of_witnesses_is_read(tmp_path: Path):
    file = write(tmp_path, "1", (ONE.verifier.vkey, HTTPS), (TWO.verifier.vkey, "http://[::1]:9"))
    quorum = load_quorum(file)
    assert quorum.needed == 1
    assert [one.url for one in quorum.witnesses] == [
        "https://witness.example/prefix",
        "http://[::1]:9",
    ]
    assert [one.name for one in quorum.verifiers] == [ONE.verifier.name, TWO.verifier.name]


def test_without_a_file_nobody_is_asked():
    assert load_quorum(None).needed == 0


@pytest.mark.parametrize(
    ("quorum", "witnesses", "reason"),
    [
        ("2", [(ONE.verifier.vkey, HTTPS)], "quorum"),
        ("0", [(ONE.verifier.vkey, HTTPS)], "quorum"),
        ("1", [(ONE.verifier.vkey, HTTPS)] * 2, "one witness"),
        ("1", [(ONE.verifier.vkey, "http://witness.example")], "https"),
        ("1", [(ONE.verifier.vkey, "witness.example")], "https"),
        ("1", [("x+y", HTTPS)], "vkey"),
        ("1", [], "write quorum"),
        ('"x"', [(ONE.verifier.vkey, HTTPS)], "invalid"),
        ("", [(ONE.verifier.vkey, HTTPS)], "REMPART_WITNESSES_FILE"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, quorum: str, witnesses: list[tuple[str, str]], reason: str
):
    with pytest.raises(SetupError, match=reason):
        load_quorum(write(tmp_path, quorum, *witnesses))


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SetupError, match="none"):
        load_quorum(tmp_path / "none.toml")


def test_the_process_is_run_only_where_somebody_is_to_be_asked(tmp_path: Path):
    def names(**environment: str) -> list[str]:
        settings = Settings.from_environment(environment)
        return [part.name for part in plan_parts(settings, "all")]

    assert "cosigner" not in names()
    assert names(REMPART_WITNESSES_FILE=str(tmp_path)).count("cosigner") == 1
    assert "cosigner" in names(REMPART_TSA_URL="https://tsa.example")
    [part] = [
        part
        for part in plan_parts(
            Settings.from_environment({"REMPART_WITNESSES_FILE": "x", "REMPART_PORT": "9000"}),
            "all",
        )
        if part.name == "cosigner"
    ]
    assert part.address == "http://127.0.0.1:9008"


def test_a_timestamp_that_nobody_could_verify_is_not_asked_for():
    assert make_authority(Settings()) is None
    with pytest.raises(SetupError, match="REMPART_TSA_ROOTS_FILE"):
        make_authority(Settings(tsa_url="https://tsa.example"))
    with pytest.raises(SetupError, match="RFC 3161"):
        Settings.from_environment({"REMPART_TSA_URL": "ftp://x"})


def make_cosigning(rounds: list[Any], monkeypatch: pytest.MonkeyPatch) -> Cosigning:
    """The process, whose rounds give what the test says, then stop it."""
    monkeypatch.setattr(cosigning_module, "EVERY_S", 0.0)

    def play(_tools: object, _quorum: object) -> list[Outcome]:
        answer = rounds.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(cosigning_module, "cosign_ledger", play)
    return Cosigning(
        quorum=make_quorum(ONE, needed=1),
        witnesses=None,  # type: ignore[arg-type]
        authority=None,
        transaction=None,  # type: ignore[arg-type]
        metrics=CosigningMetrics(),
    )


class StopAfter(threading.Event):
    """An event that is set once asked so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def is_set(self) -> bool:
        self._times -= 1
        return self._times < 0


def test_an_accusation_is_an_error_on_every_round_and_a_figure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    name = ONE.verifier.name
    fork = Outcome(1, name, 9, "fork", "it has seen 8, we show 9")
    rounds: list[Any] = [
        [Outcome(1, name, 8, "cosigned")],
        [Outcome(1, name, 9, "unreachable", "ConnectError")],
        [fork],
        SetupError("the database is away"),
        [fork],
    ]
    cosigning = make_cosigning(rounds, monkeypatch)
    with caplog.at_level(logging.WARNING):
        cosigning.watch(StopAfter(5))
    assert caplog.text.count("ALARM: log 1, 9 entries") == 2
    assert caplog.text.count("unreachable: ConnectError") == 1
    assert "SetupError" in caplog.text
    shown = cosigning.metrics.format().decode()
    assert f'rempart_witness_size{{log="1",witness="{name}"}} 8.0' in shown
    assert f'rempart_witness_accuses{{log="1",witness="{name}"}} 1.0' in shown


def test_the_process_shows_its_figures_over_http(monkeypatch: pytest.MonkeyPatch):
    app = CosigningApp(make_cosigning([], monkeypatch))

    def get(path: str) -> tuple[int, bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        asyncio.run(app({"type": "http", "path": path}, receive, send))
        return sent[0]["status"], sent[1]["body"]

    assert get("/healthz") == (200, b"ok\n")
    assert b"rempart_witness_answers" in get("/metrics")[1]
    assert get("/x")[0] == 404
