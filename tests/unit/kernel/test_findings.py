import copy
import pickle

from rempart.kernel.birth import RANK
from rempart.kernel.findings import BadValue, Finding, format_finding


def test_a_bad_value_becomes_a_finding_in_the_readers_language():
    bad_value = BadValue(RANK)
    assert format_finding(bad_value, field="birth_rank", line=7) == Finding(
        7, "birth_rank", "birth_rank", RANK.fr, RANK.advice_fr
    )
    english = format_finding(bad_value, field="birth_rank", language="en")
    assert (english.line, english.message, english.advice) == (None, RANK.en, RANK.advice_en)


def test_a_bad_value_prints_what_is_wrong_and_what_to_do():
    assert str(BadValue(RANK)) == f"{RANK.fr} {RANK.advice_fr}"


def test_a_bad_value_crosses_a_process_boundary():
    """Feeds are read by several processes."""
    returned = pickle.loads(pickle.dumps(BadValue(RANK)))
    assert returned.refusal == RANK
    assert copy.copy(returned).refusal == RANK
