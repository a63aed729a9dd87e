"""Messages that members report: what two of them share, and which are one wave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.kernel.errors import InvalidRequest
from rempart.notices import suspicious
from rempart.notices.suspicious import (
    Likeness,
    clean_text,
    compute_likeness,
    defang,
    group_alike,
    list_hosts,
    list_numbers,
)

KEY = b"k" * 32
SMS = (
    "Bonjour {name}, votre carte de tiers payant arrive à expiration le 30 novembre. Pour ne pas"
    " perdre vos droits, confirmez vos informations avant ce soir sur {link} - Service adhérents"
)


def like(text: str, key: bytes = KEY) -> Likeness:
    return compute_likeness(text, key=key)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("allez sur https://mutuelle-remb.example/a?x=1", ("mutuelle-remb.example",)),
        ("MUTUELLE-REMB.EXAMPLE", ("mutuelle-remb.example",)),
        ("déjà écrit hxxps://faux[.]example/x", ("faux.example",)),
        ("sur ameli.fr ou www.ameli.fr", ()),
        ("de nom@gmail.com à nom@faux.example", ("faux.example",)),
        ("la facture. Ensuite", ()),
        ("", ()),
    ],
)
def test_hosts_are_those_a_message_names_but_not_everybody_s(text, hosts):
    assert list_hosts(text) == hosts


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("rappelez le 08 99 12 34 56", ("0899123456",)),
        ("rappelez le +33 8 99 12 34 56", ("0899123456",)),
        ("rappelez le 0033899123456", ("0899123456",)),
        ("envoyez STOP au 36 179", ("36179",)),
        ("dossier 123456789", ()),
    ],
)
def test_a_number_is_one_however_it_is_written(text, numbers):
    assert list_numbers(text) == numbers


def test_what_turns_a_line_around_is_left_out_and_lines_stay():
    assert clean_text("un\u202egnp.exe\r\ndeux\x00\ttrois") == "ungnp.exe\ndeux trois"


def test_a_text_that_is_too_long_is_refused_without_being_quoted():
    with pytest.raises(InvalidRequest, match="3500 letters"):
        clean_text("a" * 3_501)


def test_an_address_is_shown_so_that_nobody_follows_it():
    shown = defang("HTTPS://faux.example/a et faux.example")
    assert "faux.example" not in shown
    assert shown.count("faux[.]example") == 2


def test_one_wave_under_other_names_and_links_is_one_group():
    wave = {
        1: like(SMS.format(name="Jean", link="a-un.example")),
        2: like(SMS.format(name="Madame Martin", link="a-deux.example")),
        3: like("Votre colis attend. Payez les frais de douane de deux euros avant demain midi."),
        4: like("appelez le 0899 12 34 56"),
        5: like("Un homme m'a demandé de rappeler le +33 8 99 12 34 56, très pressant."),
    }
    assert group_alike(wave) == [(1, 2), (4, 5), (3,)]


def test_without_the_pairs_of_words_other_links_make_other_waves(monkeypatch):
    """The mutation: sketches compared by nothing."""
    monkeypatch.setattr(suspicious, "_ALIKE", 33)
    wave = {
        1: like(SMS.format(name="Jean", link="a-un.example")),
        2: like(SMS.format(name="Jean", link="a-deux.example")),
    }
    assert group_alike(wave) == [(1,), (2,)]


def test_marks_of_one_insurer_say_nothing_to_another():
    text = SMS.format(name="Jean", link="a-un.example")
    mine, theirs = like(text), like(text, key=b"j" * 32)
    assert not set(mine.marks) & set(theirs.marks)
    assert group_alike({1: mine, 2: theirs}) == [(1,), (2,)]


@given(st.text(max_size=200))
def test_any_text_is_like_itself_or_too_short_to_tell(text):
    found = like(text)
    tells = bool(found.marks or found.sketch)
    assert group_alike({1: found, 2: found}) == ([(1, 2)] if tells else [(1,), (2,)])
    assert len(found.sketch) in (0, 128)
    assert len(found.marks) <= 16


@given(st.lists(st.sampled_from(["a.example", "b.example", "c.example"]), max_size=8))
def test_groups_hold_each_message_once(hosts):
    messages = {ref: like(host) for ref, host in enumerate(hosts)}
    groups = group_alike(messages)
    assert sorted(ref for group in groups for ref in group) == list(messages)
    assert len(groups) == len(set(hosts))
