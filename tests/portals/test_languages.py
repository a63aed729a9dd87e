"""French first, English complete: catalogues without a hole, and a switch that works."""

import re

import pytest
from babel.messages.catalog import Catalog
from scripts import catalogues
from tests.portals import samples

from rempart.disclosure.entry import Mode, Outcome
from rempart.drill.attacks import list_attacks
from rempart.incidents.attribution import Verdict
from rempart.incidents.exposure import Tier
from rempart.portals import wording
from rempart.rights.answer import Consigne, ShownReason
from rempart.synth.professionals import PROFESSIONS


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_the_catalogue_says_every_word_and_no_other(language):
    committed = catalogues.read_catalogue(language)
    assert not catalogues.list_untranslated(committed)
    assert not committed.obsolete
    assert not [message.id for message in committed if message.id and message.fuzzy]
    merged = catalogues.merge(language, catalogues.extract_words())
    assert catalogues.format_po(merged) == catalogues.locate(language).read_bytes()


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_the_compiled_catalogue_is_up_to_date(language):
    compiled = catalogues.format_mo(catalogues.read_catalogue(language))
    assert compiled == catalogues.locate(language, "mo").read_bytes()


def test_the_rule_sees_a_word_without_a_translation():
    catalog = Catalog(locale="en")
    catalog.add("Un mot", "A word")
    assert not catalogues.list_untranslated(catalog)
    catalog.add("Un autre", "")
    catalog.add(("un jour", "des jours"), ("a day", ""))
    assert len(catalogues.list_untranslated(catalog)) == 2


def test_a_translation_keeps_the_places_of_the_figures():
    holes = re.compile(r"%\(\w+\)s|<strong>|</strong>")
    for message in catalogues.read_catalogue("en"):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        said = message.string if isinstance(message.string, tuple) else (message.string,)
        for before, after in zip(ids, said, strict=True):
            if message.id:
                assert sorted(holes.findall(before)) == sorted(holes.findall(after)), before


def test_french_is_spoken_whatever_the_browser_prefers(browser):
    page = browser.get("/", headers={"Accept-Language": "en-US,en;q=0.9"})
    assert page.headers["Content-Language"] == "fr"
    assert "Se connecter" in page.content.decode()


def test_the_switch_changes_the_language_and_goes_back_where_one_was(professional, press):
    answer = press("/verifier", {"language": "en", "next": "/verifier/saisie"}, action="/langue")
    assert answer.headers["Location"] == "/verifier/saisie"
    page = professional.get("/verifier/saisie")
    assert page.headers["Content-Language"] == "en"
    text = page.content.decode()
    assert '<html lang="en"' in text
    assert "Check rights" in text
    assert "Vérifier" not in text
    press("/verifier", {"language": "fr", "next": "/"}, action="/langue")
    assert professional.get("/").headers["Content-Language"] == "fr"


@pytest.mark.parametrize(
    "address", ["https://evil.invalid/", "//evil.invalid", "javascript:alert(1)", "\\\\evil", ""]
)
def test_the_switch_never_leads_elsewhere(browser, press, address):
    answer = press("/", {"language": "en", "next": address}, action="/langue")
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("language", ["de", "", "../../etc"])
def test_a_language_we_do_not_speak_changes_nothing(browser, press, language):
    answer = press("/", {"language": language, "next": "/"}, action="/langue")
    assert "rempart_language" not in answer.cookies
    browser.cookies["rempart_language"] = "de"
    assert browser.get("/").headers["Content-Language"] == "fr"


def test_an_answer_and_its_errors_are_english_too(professional, gateway, press):
    professional.cookies["rempart_language"] = "en"
    page = press("/verifier", samples.CARD_FORM).content.decode()
    assert "Rights open" in page
    assert "100% of the base de remboursement" in page
    assert gateway.requests[-1].headers["Accept-Language"] == "en"
    wrong = press("/verifier/saisie", {**samples.TYPED, "amc_number": "1", "domain": ""})
    assert "8 to 10 digits" in wrong.content.decode()
    assert "This field is required." in wrong.content.decode()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_day_never_reads_as_a_month(professional, press, language):
    """11/12 must mean the same in both languages: the forms ask for day, month, year."""
    professional.cookies["rempart_language"] = language
    page = press("/verifier", samples.CARD_FORM).content.decode()
    assert "22/11/2026" in page
    assert "11/22" not in page
    assert "p.m." not in page


def test_every_code_that_may_reach_a_page_has_words():
    assert set(wording.REASONS) == set(ShownReason)
    assert set(wording.CONSIGNES) == set(Consigne)
    assert set(wording.OUTCOMES) == set(Outcome)
    assert set(wording.MODES) == set(Mode)
    assert set(wording.VERDICTS) == set(Verdict)
    assert set(wording.TIERS) == set(Tier)
    before_the_guard = {"mixed", "guesser"}
    assert set(wording.ROBOTS) == {*list_attacks(1), *before_the_guard}
    assert {profession.code for profession in PROFESSIONS} <= set(wording.PROFESSIONS)


def test_no_french_word_is_left_on_an_english_page(desk, operator):
    """Names of products, codes and laws aside: they are French in English too."""
    operator.cookies["rempart_language"] = "en"
    accented = re.compile(r"[éèêàçùîôœ]", re.IGNORECASE)
    allowed = ("Français", "modérateur")
    for page in ("/", "/charte", "/connexion", "/console", "/console/consultations"):
        text = re.sub(r"<[^>]+>", "\n", operator.get(page).content.decode())
        left = [line for line in text.splitlines() if accented.search(line)]
        for line in left:
            assert any(word in line for word in allowed) or "Santé" in line, line
