"""What the files of `deploy/` say, read once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILE = DEPLOY / "Containerfile"
COMPOSE = DEPLOY / "compose.yml"
KUBERNETES = DEPLOY / "kubernetes" / "rempart.yml"
PATRONI = DEPLOY / "patroni" / "patroni.yml"
PAGE = ROOT / "docs" / "how-to" / "deploy-on-several-machines.md"


@dataclass(frozen=True)
class Manifests:
    """The objects of the Kubernetes file, by kind and name."""

    objects: dict[tuple[str, str], dict[str, Any]]

    def find(self, kind: str, name: str = "rempart") -> dict[str, Any]:
        return self.objects[kind, name]

    @property
    def pod(self) -> dict[str, Any]:
        """What a machine is."""
        found: dict[str, Any] = self.find("StatefulSet")["spec"]["template"]["spec"]
        return found


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@pytest.fixture(scope="session")
def manifests() -> Manifests:
    found = list(yaml.safe_load_all(KUBERNETES.read_text()))
    return Manifests({(one["kind"], one["metadata"]["name"]): one for one in found})


def list_instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Containerfile, continued lines joined."""
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    split = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(word.upper(), " ".join(rest[0].split()) if rest else "") for word, *rest in split]
