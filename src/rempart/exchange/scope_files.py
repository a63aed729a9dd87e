"""The folder of an answer: whole or not there, its owner's only, tables that stay tables.

Refuses to let what a log holds become a formula, and to replace a folder that is no answer.
"""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange.scope_inputs import ScopeRefused
from rempart.exchange.table_cells import protect_cell
from rempart.kernel.errors import Unavailable

SUMMARY: Final = "summary.json"
FORMAT: Final = "rempart scope 1"
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class AnswerFolder:
    """A folder being filled, under another name until it is whole.

    Args:
        path: Where it is being filled.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write_text(self, name: str, text: str) -> None:
        """Write a text."""
        self.write_bytes(name, text.encode())

    def write_json(self, name: str, value: Any) -> None:
        """Write plain data, in the order given."""
        self.write_text(name, json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file that only its owner reads."""
        with self._open(name) as file:
            file.write(data)

    def write_table(
        self, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> int:
        """Write rows as CSV with `;` and a byte order mark; return how many they were."""
        count = 0
        with self._open(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
            writer = csv.writer(text, delimiter=";", lineterminator="\n")
            writer.writerow(header)
            for row in rows:
                writer.writerow([protect_cell(cell) for cell in row])
                count += 1
            text.detach()
        return count

    @contextmanager
    def open_parquet(self, name: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
        """Open a Parquet file whose bytes depend on its rows only."""
        with self._open(name) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            yield writer

    @contextmanager
    def _open(self, name: str) -> Iterator[Any]:
        path = self.path / name
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


def check_can_place(out: Path, *, force: bool) -> None:
    """Refuse a folder that holds something else, or an answer that nobody said to replace.

    Raises:
        ScopeRefused: as the message says; nothing was read yet.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise ScopeRefused(f"{out} is a file: give --out a folder")
    if not any(out.iterdir()):
        return
    if not is_answer(out):
        raise ScopeRefused(f"{out} is not empty and holds no answer: give --out another folder")
    if not force:
        raise ScopeRefused(
            f"{out} holds an answer: give --out another folder, and --since {out} to see what "
            "changed; or --force to replace it"
        )


def is_answer(folder: Path) -> bool:
    """Say whether a folder is an answer that was finished."""
    try:
        return bool(json.loads((folder / SUMMARY).read_text("utf-8")).get("format") == FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


@contextmanager
def making_answer(out: Path) -> Iterator[AnswerFolder]:
    """Fill a folder that gets its name at the end of the block, and is gone if the block fails.

    A crash between the two renames leaves the answer before under `.NAME.before`, whole, and the
    new one under `.NAME.partial`; the next run makes it again.

    Raises:
        Unavailable: the disk refuses.
    """
    draft = out.with_name(f".{out.name}.partial")
    before = out.with_name(f".{out.name}.before")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=_FOLDER_MODE, parents=True)
        yield AnswerFolder(draft)
        for folder in (draft, *(one for one in draft.rglob("*") if one.is_dir())):
            folder.chmod(_FOLDER_MODE)
        shutil.rmtree(before, ignore_errors=True)
        if out.exists():
            out.rename(before)
        draft.rename(out)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as failure:
        raise Unavailable(
            f"the answer cannot be written to {out} ({failure.strerror}): free some space, or give "
            "another folder with --out, and run the command again"
        ) from failure
    finally:
        shutil.rmtree(draft, ignore_errors=True)
