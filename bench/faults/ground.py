"""Where it is tried: an installation whose data, WAL and home are each on a small disk of its own.

The disks are tmpfs mounts, which only root on Linux can make; they leave with the run.
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import psycopg
from scripts.gateway_process import find_free_port

from rempart.kernel.errors import RempartError
from rempart.storage.connect import Database
from rempart.storage.server_user import choose_server_user
from rempart.wiring.database import locate_cluster
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

# Megabytes; pages of a tmpfs are memory once they are written.
DISKS: Final = {"data": 640, "wal": 192, "home": 96}
SMALL_SERVER: Final = "shared_buffers = '96MB'\nmax_wal_size = '96MB'\nmin_wal_size = '32MB'\n"
_BLOCKS: Final = (1 << 20, 1 << 12, 1)


@contextlib.contextmanager
def small_disks() -> Iterator[Path]:
    """Mount the disks in a folder that is thrown away.

    Raises:
        SystemExit: not root, or this machine mounts nothing; says so.
    """
    if os.geteuid() != 0:
        raise SystemExit("faults needs small disks that it can fill: run it as root, on Linux")
    base = Path(tempfile.mkdtemp(prefix="rempart-faults-"))
    base.chmod(0o711)
    mounted: list[Path] = []
    try:
        for name, megabytes in DISKS.items():
            disk = base / name
            disk.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "tmpfs"]
            done = subprocess.run([*command, disk], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(
                    f"faults needs small disks that it can fill, and cannot mount them here:"
                    f" {done.stderr.strip()}"
                )
            mounted.append(disk)
        yield base
    finally:
        for disk in mounted:
            subprocess.run(["umount", "-l", disk], check=False)
        shutil.rmtree(base, ignore_errors=True)


def lay_out(base: Path) -> Path:
    """Make a home on one disk, its cluster on another, the cluster's WAL on the third."""
    home = Home.create(base / "home" / "home")
    user = choose_server_user(None)
    directory = base / "data" / "postgresql"
    for folder in (directory, directory / "socket", directory / "log"):
        user.make_directory(folder)
    known = {"directory": str(directory), "port": find_free_port()}
    (home.path / "cluster.json").write_text(json.dumps(known))
    cluster = locate_cluster(Settings(home=home.path), home)
    cluster.start()
    cluster.stop()
    wal, elsewhere = directory / "data" / "pg_wal", base / "wal" / "pg_wal"
    subprocess.run(["cp", "-a", wal, elsewhere], check=True)
    shutil.rmtree(wal)
    wal.symlink_to(elsewhere)
    user.write(directory / "data" / "local.conf", SMALL_SERVER)
    return home.path


class Ballast:
    """Fills a disk to its last byte between `with` and its end, and keeps it full."""

    def __init__(self, disk: Path) -> None:
        self._file, self._stop = disk / "ballast", threading.Event()
        self._thread = threading.Thread(target=self._keep_full)

    def __enter__(self) -> Self:
        self._fill()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._file.unlink()

    def _keep_full(self) -> None:
        while not self._stop.wait(0.05):
            self._fill()

    def _fill(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            for size in _BLOCKS:
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass


def spend_wal(database: Database) -> None:
    """Have the server begin new files of its log until there is no place for one: it dies of it."""
    with (
        contextlib.suppress(psycopg.Error, RempartError),
        database.connect("admin", autocommit=True) as admin,
    ):
        for _ in range(DISKS["wal"] // 16):
            admin.execute("SELECT pg_logical_emit_message(false, 'bench', 'x')")
            admin.execute("SELECT pg_switch_wal()")
