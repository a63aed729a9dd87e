"""Letters as files: addresses that fit a window, pages that are counted, nothing that varies."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.notice_samples import PEOPLE, write_notice

from rempart.exchange.notice_letter import (
    Letter,
    clean_address,
    describe_batch,
    print_letters,
    write_index,
)
from rempart.exchange.notice_printer import print_apart
from rempart.kernel.findings import BadValue
from rempart.notices.media import Variant

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADDRESS = ("Camille Exemple", "1 rue de l’Exemple", "75000 PARIS")
LETTER = Letter(
    number=1,
    reference="0000-0001-CAVC",
    sender="Santé Démo",
    sender_address="1 rue de l’Exemple, 75000 Paris",
    address=ADDRESS,
    notice=write_notice(),
    language="fr",
    variant=Variant.STANDARD,
    envelope=1,
    place=1,
)


def test_the_same_letters_give_the_same_file_here_and_in_a_process_of_its_own():
    letters = [replace(LETTER, variant=variant, envelope=n) for n, variant in enumerate(Variant, 1)]
    here = print_letters(letters, batch=1, operator="Tiers Démo", made_at=NOW)
    data = describe_batch(letters, batch=1, operator="Tiers Démo")
    assert print_apart(data, made_at=NOW) == here
    assert len(here.pages) == 3
    assert here.pages[1] > here.pages[0]  # large print


def test_what_a_name_holds_is_printed_and_never_run():
    notice = write_notice(replace(PEOPLE["a member"], recipient='#read("/etc/passwd") $x$ *gras*'))
    nasty = replace(LETTER, notice=notice, address=("#panic()", "*1* `rue` $x$", "75000 \\ PARIS"))
    assert print_letters([nasty], batch=1, operator="x", made_at=NOW).pdf.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (("Lou", "1  rue\tA", "75000 PARIS"), ("Lou", "1 rue A", "75000 PARIS")),
        (("Lou \u202eENIEL", "1 rue 😀 A"), ("Lou ENIEL", "1 rue A")),
        (("Łukasz", "ul. Żółta 1", "00-001 WARSZAWA", "POLSKA"),) * 2,
        (("Νίκος", "Οδός 1", "ΑΘΗΝΑ", "ΕΛΛΑΔΑ"),) * 2,
        (("Lou", "", "  ", "75000 PARIS"), ("Lou", "75000 PARIS")),
    ],
)
def test_an_address_is_printed_without_what_turns_a_page_around(lines, printed):
    assert clean_address(lines) == printed


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Lou",),
        ("😀", "\u202e"),
        tuple(f"ligne {n}" for n in range(40)),
        ("Lou", "x" * 61),
        ("لو", "شارع 1"),
        ("ルウ", "東京"),
    ],
)
def test_an_address_that_no_window_shows_is_refused_without_being_repeated(lines):
    with pytest.raises(BadValue) as refused:
        clean_address(lines)
    assert not any(line in str(refused.value) for line in lines if line.strip())


def test_an_index_counts_pages_and_says_which_letters_go_abroad():
    abroad = replace(LETTER, envelope=2, address=("Lou", "Rue 1", "1000 BRUXELLES", "BELGIQUE"))
    rows = write_index([LETTER, abroad], [2, 3], batch=4).decode().splitlines()
    assert rows == [
        "batch;envelope;place;reference;first_page;pages;country",
        "4;1;1;0000-0001-CAVC;1;2;FRANCE",
        "4;2;1;0000-0001-CAVC;3;3;BELGIQUE",
    ]
