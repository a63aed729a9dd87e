"""The demo's member: found in whatever feed holds the card that the drill showed."""

import pytest

from rempart.cli.demo import CONSULTED, _find_card

COLUMNS = (
    *("amc_number", "family_name", "period_end", "suspended_from", "card_code"),
    *("birth_date", "quality"),
)


def write_feed(path, delimiter, encoding, *rows):
    lines = [delimiter.join(one) for one in (COLUMNS, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)


@pytest.fixture
def synth(tmp_path):
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    (tmp_path / "insurers.csv").write_text("amc_number;insurer_id\n1;11\n2;12\n3;13\n4;14\n")
    for number, delimiter, encoding, name, end in (
        ("1", ";", "utf-8-sig", "Évrard", ""),
        ("2", ",", "utf-8", "Nom", ""),
        ("3", "\t", "cp1252", "Hélène", ""),
        ("4", ";", "utf-8", "Nom", "20260101"),
    ):
        row = (number, name, end, "", f"CARD-{number}", f"1950010{number}", "1")
        write_feed(feeds / f"{number}.csv", delimiter, encoding, row)
    return tmp_path


@pytest.mark.parametrize("number", ["1", "2", "3"])
def test_the_card_that_was_shown_is_found_however_its_feed_is_written(synth, number):
    (synth / CONSULTED).write_text(f"CARD-{number}\n")
    assert _find_card(synth) == (number, f"1{number}", f"CARD-{number}", f"1950010{number}")


def test_without_a_drill_or_with_a_card_that_ended_it_is_the_first_open_one(synth):
    assert _find_card(synth) == ("1", "11", "CARD-1", "19500101")
    (synth / CONSULTED).write_text("CARD-4\n")
    assert _find_card(synth) == ("1", "11", "CARD-1", "19500101")


def test_nobody_of_an_insurer_that_left_is_the_demo_s_member(synth):
    columns = (*COLUMNS, "agreement_end")
    row = ("1", "Nom", "", "", "CARD-1", "19500101", "1", "20241231")
    (synth / "feeds" / "1.csv").write_text("\n".join(map(";".join, (columns, row))) + "\n")
    (synth / CONSULTED).write_text("CARD-1\n")
    assert _find_card(synth)[2] == "CARD-2"


def test_of_the_cards_shown_it_is_the_first_that_is_in_its_holders_own_name(synth):
    write_feed(
        synth / "feeds" / "2.csv", ",", "utf-8", ("2", "Nom", "", "", "CARD-2", "19500102", "2")
    )
    (synth / CONSULTED).write_text("CARD-4\nCARD-2\nCARD-3\nCARD-1\n")
    assert _find_card(synth)[2] == "CARD-3"
