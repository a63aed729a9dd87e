"""What the rows of a log must show in their order: time never goes back, numbers have no gap.

Remembers one number for each account and insurer, whatever the length of the log. Refuses to blame
a row for a gap that an already known damaged row explains.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

# Checkpoints follow each other within this time: see `Numbering.note_checkpoint`.
CHECKPOINT_PERIOD_MS = 1000

# Called with an index, a column, the rule that is broken, a message.
Report: TypeAlias = Callable[[int, str, str, str], None]

_T_MS, _ACCOUNT, _ACCT_SEQ, _INSURER, _INS_SEQ = 3, 5, 7, 9, 10


class Numbering:
    """Follows the rows of one log in order of index."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._accounts: dict[int, int] = {}
        self.insurers: dict[int, int] = {}
        # Numbers that damaged or missing rows may have held.
        self._excused = {"acct_seq": 0, "ins_seq": 0}
        self._last_t_ms = 0
        self._checkpoint_size = 0
        self._due_ms = 0
        self._overdue_since: int | None = None
        self._missing_checkpoint_told = False

    def excuse(self) -> None:
        """A row is damaged or missing: it may have held one number of each kind."""
        for column in self._excused:
            self._excused[column] += 1

    def follow(self, first: int, rows: Sequence[tuple[Any, ...] | None]) -> None:
        """Check rows from index `first` on; None stands for a row that is not to be trusted."""
        accounts, insurers = self._accounts, self.insurers
        for index, row in enumerate(rows, first):
            if row is None:
                continue
            t_ms = row[_T_MS]
            if t_ms < self._last_t_ms:
                self._report(index, "t_ms", "time", "the time is before that of the entry before")
            else:
                self._last_t_ms = t_ms
            if t_ms >= self._due_ms:
                self._expect_checkpoint(index, t_ms)
            account, seq = row[_ACCOUNT], row[_ACCT_SEQ]
            if seq != (accounts.get(account, 0) + 1 if account else 0):
                self._check_gap(index, "acct_seq", accounts.get(account, 0), seq)
            if account:
                accounts[account] = seq
            insurer, seq = row[_INSURER], row[_INS_SEQ]
            if seq != (insurers.get(insurer, 0) + 1 if insurer else 0):
                self._check_gap(index, "ins_seq", insurers.get(insurer, 0), seq)
            if insurer:
                insurers[insurer] = seq

    def is_at(self, insurer_id: int, last: int) -> bool:
        """Say whether an insurer's last number so far is `last`, damaged rows considered."""
        before = self.insurers.get(insurer_id, 0)
        if before != last and not self._is_excused("ins_seq", last - before):
            return False
        self.insurers[insurer_id] = last
        return True

    def _check_gap(self, index: int, column: str, before: int, seq: int) -> None:
        if not self._is_excused(column, seq - before - 1):
            self._report(index, column, column, "the number is not one more than the one before")

    def _is_excused(self, column: str, gap: int) -> bool:
        """Say whether known damage explains a gap; what explains one gap explains no other."""
        if not 0 < gap <= self._excused[column]:
            return False
        self._excused[column] -= gap
        return True

    def _expect_checkpoint(self, index: int, t_ms: int) -> None:
        """A batch has one time; the batch after the first overdue one brings a checkpoint."""
        if self._overdue_since is None:
            self._overdue_since = t_ms
        elif t_ms > self._overdue_since and not self._missing_checkpoint_told:
            self._missing_checkpoint_told = True
            self._report(
                self._checkpoint_size,
                "",
                "cadence",
                f"a checkpoint is missing between sizes {self._checkpoint_size} and {index}",
            )

    def note_checkpoint(self, size: int, t_ms: int) -> None:
        """A checkpoint of `size` stands here: the next is due a second after its last entry.

        The writer keeps a checkpoint before the batch that follows the first overdue one, so
        between two checkpoints all the entries that are a second late share one time. Taking a
        checkpoint away breaks that.
        """
        self._checkpoint_size = size
        self._due_ms = t_ms + CHECKPOINT_PERIOD_MS
        self._overdue_since = None
        self._missing_checkpoint_told = False
