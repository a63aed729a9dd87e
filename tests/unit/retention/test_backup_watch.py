"""What somebody must look at of the backups of an installation, and when."""

from datetime import UTC, datetime, timedelta

import pytest

from rempart.retention.backup_watch import BackupStanding, BackupWarning, find_backup_warnings

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("newest", "tried", "over", "found"),
    [
        (None, None, None, ["none"]),
        (None, HOUR, None, ["none"]),
        (HOUR, DAY, None, []),
        (48 * HOUR, DAY, None, []),
        (49 * HOUR, DAY, None, ["old"]),
        (HOUR, None, None, ["never_tried"]),
        (HOUR, 35 * DAY, None, []),
        (HOUR, 36 * DAY, None, ["tried_long_ago"]),
        (HOUR, DAY, 2 * DAY, []),
        (HOUR, DAY, 3 * DAY, ["too_long"]),
        (40 * DAY, None, 5 * DAY, ["old", "too_long", "never_tried"]),
    ],
)
def test_what_is_wrong_is_said_the_worst_first(newest, tried, over, found):
    def ago(span):
        return None if span is None else NOW - span

    standing = BackupStanding(newest=ago(newest), tried=ago(tried), over=ago(over))
    assert find_backup_warnings(standing, now=NOW) == [BackupWarning(one) for one in found]
