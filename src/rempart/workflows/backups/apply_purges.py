"""What carries each kind of purge out on a base that was restored.

Every one works on any earlier state of the base and does nothing the second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rempart.retention.purges import FIELDS, OPENINGS, ROWS, SEGMENT, PurgeRecord, read_rows_body
from rempart.storage import purges, segments
from rempart.storage.archive_seal import Vault
from rempart.storage.connect import OpenTransaction
from rempart.workflows.backups.bring_forward import Applier
from rempart.workflows.backups.restored_files import StagedFiles
from rempart.workflows.ledger.seal_segment import Archive
from rempart.workflows.retention.drop_segment import drop_again
from rempart.workflows.retention.erase_openings import erase_again
from rempart.workflows.retention.purge_fields import apply_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeTools:
    """What purges are carried out with on one base.

    Attributes:
        open_archive: What work on segments is done with, in transactions of one kind.
        staged: The files of segments of that base.
        vault: The keys of identities and of the archive.
    """

    open_archive: Callable[[OpenTransaction], Archive]
    staged: StagedFiles
    vault: Vault


def list_appliers(tools: PurgeTools) -> Mapping[str, Applier]:
    """Return what carries each kind out."""
    return {
        OPENINGS: lambda begin, record: _erase_openings(tools, begin, record),
        SEGMENT: lambda begin, record: _drop_segment(tools, begin, record),
        ROWS: _delete_rows,
        FIELDS: lambda begin, record: _erase_fields(tools, begin, record),
    }


def _erase_openings(tools: PurgeTools, begin: OpenTransaction, record: PurgeRecord) -> int:
    said = record.content
    with begin() as tx:
        shape = segments.load_shape(tx, said["log"])
        rows = segments.list_segments(tx, said["log"])
    if shape is not None:
        numbers = {index >> shape.bits for index in said["indexes"]}
        tools.staged.stage_segments(rows, said["log"], numbers)
    return erase_again(tools.open_archive(begin), record)


def _drop_segment(tools: PurgeTools, begin: OpenTransaction, record: PurgeRecord) -> int:
    said = record.content
    with begin() as tx:
        rows = segments.list_segments(tx, said["log"])
    tools.staged.stage_segments(rows, said["log"], {said["segment"]})
    return drop_again(tools.open_archive(begin), record)


def _delete_rows(begin: OpenTransaction, record: PurgeRecord) -> int:
    table, key, rows = read_rows_body(record.content)
    with begin() as tx:
        count = purges.delete_rows(tx, table, key, rows)
        purges.mark_applied(tx, record.number)
    return count


def _erase_fields(tools: PurgeTools, begin: OpenTransaction, record: PurgeRecord) -> int:
    with begin() as tx:
        count = apply_fields(tx, tools.vault, record)
        purges.mark_applied(tx, record.number)
    return count
