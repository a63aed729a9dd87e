"""The findings file: what is wrong in a feed, for the insurer to correct, as CSV.

Refuses to be half-written: the file has its name when it is whole. Holds no value of the feed.
"""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rempart.kernel.errors import Unavailable
from rempart.kernel.findings import Finding

HEADER: Final = ("line", "field", "rule", "message", "advice")


def write_findings(path: Path, findings: Iterable[Finding]) -> int:
    """Write findings to `path`, in place of what was there.

    A crash or a full disk leaves the old file, if any, as it was.

    Returns:
        How many findings were written.

    Raises:
        Unavailable: the file cannot be written; the message says why and what to do.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    written = 0
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(HEADER)
            for finding in findings:
                line = "" if finding.line is None else finding.line
                writer.writerow(
                    (line, finding.field, finding.rule, finding.message, finding.advice)
                )
                written += 1
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as failure:
        raise Unavailable(
            f"the findings file {path} cannot be written: {failure.strerror}. Free some space or "
            "give another path with --findings, then run the same command again: it resumes"
        ) from failure
    finally:
        draft.unlink(missing_ok=True)
    return written
