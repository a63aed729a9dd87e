"""A file that is there whole, or as it was before."""

import pytest

from rempart.exchange.whole_file import write_whole


def test_two_who_write_it_at_once_leave_it_whole(tmp_path):
    path = tmp_path / "transfers.xml"
    with write_whole(path) as one:
        one.write(b"<one>")
        with write_whole(path) as other:
            other.write(b"<other/>")
        assert path.read_bytes() == b"<other/>"
        one.write(b"</one>")
    assert path.read_bytes() == b"<one></one>"
    assert [file.name for file in tmp_path.iterdir()] == ["transfers.xml"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_fails_or_is_interrupted_leaves_what_was_there(tmp_path):
    path = tmp_path / "alerts.cursor"
    path.write_bytes(b"before")
    for failure in (ValueError, KeyboardInterrupt):
        with pytest.raises(failure):
            write_half(path, failure)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def write_half(path, failure):
    with write_whole(path) as file:
        file.write(b"half")
        raise failure
