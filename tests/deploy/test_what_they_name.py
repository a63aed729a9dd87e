"""Every command, setting, port and file that the deployment names exists in the product."""

import contextlib
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from tests.deploy.conftest import (
    CONTAINERFILE,
    DEPLOY,
    KUBERNETES,
    PAGE,
    PATRONI,
    ROOT,
    Manifests,
    list_instructions,
)

from rempart.cli.main import cli
from rempart.wiring.front import GATEWAY_PATHS
from rempart.wiring.settings import Settings

VARIABLE = re.compile(r"\b(?:REMPART_[A-Z_]+|DATABASE_URL(?:_FILE)?)\b")
KNOWN = {one.metadata["variable"] for one in Settings.__dataclass_fields__.values()}
FILES = sorted(file for file in DEPLOY.rglob("*") if file.is_file())


def check_command(words: list[str]) -> None:
    """Read a command line as the product would, without running it.

    Raises:
        click.ClickException: there is no such command, or it takes no such thing.
    """
    command: click.Command = cli
    context = click.Context(cli, info_name="rempart")
    while isinstance(command, click.Group):
        name = words[0] if words else ""
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"there is no command {name}")
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=name)
    with contextlib.suppress(click.MissingParameter):  # a sentence names a command without them
        command.make_context(context.info_name, list(words), parent=context.parent)


def find_commands(page: str) -> list[list[str]]:
    """Return the `rempart` command lines of a page: in its shell blocks, and in its sentences."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in blocks.splitlines()]
    lines += [f"rempart {rest}" for rest in re.findall(r"`rempart ([^`<…]+)`", page)]
    found = []
    for line in lines:
        words = shlex.split(line)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[:1] == ["rempart"] and len(words) > 1:
            found.append(words[1:])
    return found


@pytest.mark.parametrize(
    "words",
    [["server"], ["serve", "everything"], ["init", "--log", "two"], ["ledger", "audit", "--fast"]],
)
def test_mutation_a_command_that_does_not_exist_is_noticed(words: list[str]):
    with pytest.raises(click.UsageError):
        check_command(words)


def test_every_command_of_the_page_exists():
    found = find_commands(PAGE.read_text())
    assert len(found) > 8
    for words in found:
        check_command(words)


def test_every_command_of_the_files_exists(compose: dict[str, Any], manifests: Manifests):
    default = dict(list_instructions(CONTAINERFILE.read_text()))["CMD"]
    commands = [shlex.split(default.strip("[]").replace(",", " "))]
    ours = [one for one in compose["services"].values() if one["image"].startswith("rempart:")]
    commands += [service["command"] for service in ours if "command" in service]
    commands += [one["args"] for one in manifests.pod["containers"]]
    assert len(commands) == 3
    for words in commands:
        check_command(words)


@pytest.mark.parametrize("file", [*FILES, PAGE], ids=lambda file: file.name)
def test_every_setting_exists(file: Path):
    assert set(VARIABLE.findall(file.read_text())) <= KNOWN


def test_the_settings_given_are_accepted(
    compose: dict[str, Any], manifests: Manifests, tmp_path: Path
):
    url = tmp_path / "url"
    url.write_text("postgresql://admin@one,two/rempart")
    services = compose["services"].values()
    given = [one["environment"] for one in services if one["image"].startswith("rempart:")]
    given.append(manifests.find("ConfigMap")["data"])
    built = dict(list_instructions(CONTAINERFILE.read_text()))["ENV"]
    image = dict(one.split("=", 1) for one in shlex.split(built))
    for environment in given:
        settings = Settings.from_environment(
            {**image, **environment, "DATABASE_URL_FILE": str(url)}
        )
        assert (settings.port, settings.host) == (8080, "0.0.0.0")
        assert settings.home == Path("/var/lib/rempart/home")


def test_every_port_is_the_one_that_is_served(compose: dict[str, Any], manifests: Manifests):
    port = Settings().port
    assert dict(list_instructions(CONTAINERFILE.read_text()))["EXPOSE"] == str(port)
    published = [p for one in compose["services"].values() for p in one.get("ports", [])]
    assert [int(one.rpartition(":")[2]) for one in published] == [port, port]
    [container] = manifests.pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert manifests.find("ConfigMap")["data"]["REMPART_PORT"] == str(port)


def test_what_is_probed_is_answered_by_the_gateway(manifests: Manifests):
    [container] = manifests.pod["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] in GATEWAY_PATHS


def test_the_rehearsal_fills_in_the_patroni_that_is_given():
    asked = set(re.findall(r"@([A-Z]+)@", PATRONI.read_text()))
    filled = (ROOT / "bench" / "rehearsal" / "servers.py").read_text()
    assert asked == set(re.findall(r'^            "([A-Z]+)": ', filled, re.MULTILINE))


def test_each_machine_writes_a_log_of_its_own(compose: dict[str, Any], manifests: Manifests):
    services = compose["services"]
    logs = {n: one["environment"].get("REMPART_LOG_ID") for n, one in services.items()}
    assert (logs["rempart-1"], logs["rempart-2"]) == ("1", "2")
    assert services["init"]["command"] == ["init", "--logs", "2"]
    spec = manifests.find("StatefulSet")["spec"]
    # Logs begin at 1: log 0 is that of acts.
    assert (spec["replicas"], spec["ordinals"]) == (2, {"start": 1})
    [container] = manifests.pod["containers"]
    [own] = [one for one in container["env"] if one["name"] == "REMPART_LOG_ID"]
    source = own["valueFrom"]["fieldRef"]["fieldPath"]
    assert source == "metadata.labels['apps.kubernetes.io/pod-index']"


def test_the_secrets_of_the_manifests_are_those_it_says_to_make(manifests: Manifests):
    told = set(re.findall(r"create secret generic ([a-z-]+)", KUBERNETES.read_text()))
    volumes = {v["secret"]["secretName"] for v in manifests.pod["volumes"] if "secret" in v}
    [container] = manifests.pod["containers"]
    given = {s["secretRef"]["name"] for s in container["envFrom"] if "secretRef" in s}
    assert told == volumes | given
