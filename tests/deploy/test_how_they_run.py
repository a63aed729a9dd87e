"""The image and its machines: well formed, closed, pinned, without a secret. Nothing runs here."""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.deploy.conftest import (
    COMPOSE,
    CONTAINERFILE,
    DEPLOY,
    PATRONI,
    ROOT,
    Manifests,
    list_instructions,
)

SCHEMA = ROOT / "tests" / "data" / "compose" / "compose-spec.json"
INLINE = re.compile(r"://[^\s/@'\"]+:(?!%s|@)[^\s/@'\"]+@")
SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|PRIVATE|ACCESS_KEY")
PINNED = re.compile(r"^[a-z][\w.-]*(?:\[[\w,-]+\])?==[\w.]+ \\\n    --hash=sha256:", re.MULTILINE)


def find_open(machine: dict[str, Any]) -> list[str]:
    """Return what a container of compose may do that it should not."""
    wanted = {"user": "10001:10001", "read_only": True, "cap_drop": ["ALL"]}
    wanted["security_opt"] = ["no-new-privileges:true"]
    return [name for name, value in wanted.items() if machine.get(name) != value]


def find_open_pod(pod: dict[str, Any]) -> list[str]:
    """Return what a pod may do that it should not."""
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    found += [] if pod["securityContext"].get("runAsNonRoot") is True else ["root"]
    found += [] if pod.get("automountServiceAccountToken") is False else ["token"]
    for one in (*pod["initContainers"], *pod["containers"]):
        context = one.get("securityContext", {})
        closed = (
            context.get("readOnlyRootFilesystem") is True
            and context.get("allowPrivilegeEscalation") is False
            and context.get("capabilities") == {"drop": ["ALL"]}
        )
        found += [] if closed else [one["name"]]
        found += [] if "limits" in one.get("resources", {}) else [f"{one['name']}: no limit"]
    return found


def find_secrets(values: dict[str, Any]) -> list[str]:
    """Return the variables that hold a secret themselves, rather than where it is."""
    return [
        name
        for name, value in values.items()
        if INLINE.search(str(value)) or (SECRET.search(name) and not name.endswith("_FILE"))
    ]


def test_compose_follows_its_schema(compose: dict[str, Any]):
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(compose)
    wrong = copy.deepcopy(compose)
    wrong["services"]["rempart-1"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        validator.validate(wrong)


def test_what_compose_names_is_there(compose: dict[str, Any]):
    for service in compose["services"].values():
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert {one.split(":")[0] for one in service["volumes"]} <= set(compose["volumes"])
        assert set(service["secrets"]) <= set(compose["secrets"])
        build = service.get("build")
        assert build is None or (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_machines_of_compose_are_closed(compose: dict[str, Any]):
    ours = [one for one in compose["services"].values() if one["image"].startswith("rempart:")]
    assert len(ours) == 3
    assert [find_open(one) for one in ours] == [[], [], []]
    assert find_open({**ours[0], "read_only": False, "user": "0"}) == ["user", "read_only"]


def test_the_secrets_of_compose_are_read_by_its_containers_and_by_nobody_else(tmp_path: Path):
    """Compose gives a file as it is: what only its owner may read is closed to user 10001."""
    openssl = tmp_path / "bin" / "openssl"
    openssl.parent.mkdir()
    openssl.write_text("#!/bin/sh\necho 00ff\n")
    openssl.chmod(0o755)
    lines = [line.removeprefix("#   ") for line in COMPOSE.read_text().splitlines()]
    first = next(n for n, line in enumerate(lines) if line.startswith("mkdir"))
    last = next(n for n, line in enumerate(lines) if line.startswith("docker"))
    script = "\n".join(["set -eu", "umask 077", "mkdir deploy", *lines[first:last]])
    path = f"{openssl.parent}:/usr/bin:/bin"
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env={"PATH": path}, check=True)
    folder = tmp_path / "deploy" / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o004 for file in folder.iterdir()}
    assert modes == {"database-secret": 4, "database-url": 4}
    assert (folder / "database-url").read_text().startswith("postgresql://postgres:00ff@")


def test_pods_are_closed(manifests: Manifests):
    assert find_open_pod(manifests.pod) == []
    opened = copy.deepcopy(manifests.pod)
    opened["containers"][0]["securityContext"] = {"readOnlyRootFilesystem": False}
    opened["securityContext"] = {}
    assert find_open_pod(opened) == ["root", "rempart"]
    namespace = manifests.find("Namespace")["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_what_must_be_written_has_a_place(compose: dict[str, Any], manifests: Manifests):
    """The root is read-only: the home and the temporary folder are not."""
    for container in (*manifests.pod["initContainers"], *manifests.pod["containers"]):
        places = [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")]
        assert "/var/lib/rempart" in places
    assert "/tmp" in [m["mountPath"] for m in manifests.pod["containers"][0]["volumeMounts"]]
    for name in ("rempart-1", "rempart-2"):
        service = compose["services"][name]
        assert service["volumes"] == ["state:/var/lib/rempart"]
        # Locks and process numbers are each machine's own.
        assert any(one.startswith("/var/lib/rempart/home/run:") for one in service["tmpfs"])


def test_objects_lead_to_each_other(manifests: Manifests):
    spec = manifests.find("StatefulSet")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"] == labels
    assert manifests.find("Service", spec["serviceName"])["spec"]["clusterIP"] == "None"
    for name in ("rempart", "rempart-machines"):
        service = manifests.find("Service", name)["spec"]
        assert service["selector"] == labels
        assert {port["targetPort"] for port in service["ports"]} == {"http"}
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        found = manifests.find(kind)["spec"]
        selector = found.get("selector") or found["podSelector"]
        assert selector["matchLabels"] == labels
    mounted = {v["name"] for v in manifests.pod["volumes"]}
    for container in (*manifests.pod["initContainers"], *manifests.pod["containers"]):
        assert {one["name"] for one in container["volumeMounts"]} <= mounted
        assert container["image"] == "rempart:0.1.0"


def test_nothing_secret_is_written(compose: dict[str, Any], manifests: Manifests):
    for service in compose["services"].values():
        assert find_secrets(service.get("environment", {})) == []
    assert find_secrets(manifests.find("ConfigMap")["data"]) == []
    assert not any(kind == "Secret" for kind, _ in manifests.objects)
    assert find_secrets({"DATABASE_URL": "postgresql://a:b@c/d"}) == ["DATABASE_URL"]
    assert find_secrets({"AWS_SECRET_ACCESS_KEY": "x"}) == ["AWS_SECRET_ACCESS_KEY"]


def test_the_image_is_not_root_and_takes_pinned_packages_only():
    instructions = list_instructions(CONTAINERFILE.read_text())
    users = [value for word, value in instructions if word == "USER"]
    assert users == ["10001:10001"]
    installs = [v for word, v in instructions if word == "RUN" and "pip install" in v]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "-r requirements/s3.txt" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]
    assert not any("ADD" in word for word, _ in instructions)


def test_what_the_image_copies_is_in_its_context():
    let_in = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = [
        value.split()[:-1]
        for word, value in list_instructions(CONTAINERFILE.read_text())
        if word == "COPY" and "--from" not in value
    ]
    names = {name for one in copied for name in one}
    assert names == set(let_in)
    assert all((ROOT / name).exists() for name in names)


@pytest.mark.parametrize("name", ["s3.txt", "rehearse.txt"])
def test_requirements_are_pinned_with_their_hashes(name: str):
    text = (ROOT / "requirements" / name).read_text()
    packages = re.findall(r"^[a-zA-Z]\S*", text, re.MULTILINE)
    assert len(PINNED.findall(text)) == len(packages) > 20
    assert not PINNED.findall("requests==2.0\n")


def test_the_image_has_what_the_product_needs_besides_the_driver():
    pins = [read_pins(ROOT / "requirements" / name) for name in ("run.txt", "s3.txt")]
    assert set(pins[0]) <= set(pins[1])
    different = {name for name, version in pins[0].items() if pins[1][name] != version}
    assert different <= {"python-dateutil"}  # the driver's own takes no later one
    assert "s3fs" in set(pins[1]) - set(pins[0])


def test_the_database_acknowledges_what_two_machines_have():
    text = re.sub(r"@[A-Z]+@", "x", PATRONI.read_text())
    settings = yaml.safe_load(text)
    shared = settings["bootstrap"]["dcs"]
    assert shared["synchronous_mode"] is True
    assert shared["ttl"] >= shared["loop_wait"] + 2 * shared["retry_timeout"]
    parameters = shared["postgresql"]["parameters"]
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert parameters[name] == "on"
    assert parameters["log_min_error_statement"] == "panic"
    assert "data-checksums" in settings["bootstrap"]["initdb"]
    access = settings["postgresql"]["pg_hba"]
    assert all(line.endswith("scram-sha-256") for line in access if line.startswith("host"))


def read_pins(file: Path) -> dict[str, str]:
    """Return the version of each package of a requirements file."""
    return dict(
        re.findall(r"^([a-z][\w.-]*)(?:\[[\w,-]+\])?==(\S+)", file.read_text(), re.MULTILINE)
    )
