"""Offline numbers: written, read, and what is refused of them."""

import pytest

from rempart.kernel.findings import BadValue
from rempart.rights.offline_engagement import BATCH_BITS, OfflineNumber


@pytest.mark.parametrize("batch_ref", [0, 1, (1 << BATCH_BITS) - 1])
@pytest.mark.parametrize("place", [1, 20, 255])
def test_a_number_is_read_as_it_was_written_however_it_is_copied(batch_ref, place):
    number = OfflineNumber(batch_ref=batch_ref, place=place)
    written = number.format()
    assert written.startswith("HL-")
    for copied in (written, written.lower(), written.replace("-", " "), written.replace("0", "O")):
        assert OfflineNumber.parse(copied) == number


@pytest.mark.parametrize("text", ["", "HL-0000", "RP-0080-0000-0PTP-R582", "HL-0000-0000-0000-00"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(BadValue):
        OfflineNumber.parse(text)


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no such"):
        OfflineNumber(batch_ref=1 << BATCH_BITS, place=1)
