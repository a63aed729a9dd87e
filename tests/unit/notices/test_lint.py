"""What the linter finds in a text, where, and what it lets pass."""

import pytest
from tests.notice_samples import write_notice

from rempart.disclosure.fields import Field
from rempart.notices.assembly import format_text
from rempart.notices.channels import CHANNELS, ReportKind, find_channel
from rempart.notices.lint import is_blocked, lint_notice
from rempart.notices.lint_rules import LINT_RULES, RuleKind, Severity
from rempart.notices.media import Medium


def find_codes(text: str, **asked) -> set[str]:
    """Return the rules that a text breaks beyond those it breaks for being short."""
    return {one.rule.code for one in lint_notice(text, language="fr", **asked)}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("hedge", "Vos données seraient susceptibles d’avoir été lues."),
        ("hedge", "Si vous étiez concerné, soyez attentif."),
        ("hedge", "Une éventuelle violation est étudiée."),
        ("minimising", "Nous vous rassurons : rien de grave."),
        ("minimising", "Aucun élément ne permet de penser que les données sont utilisées."),
        ("sensational", "Une attaque sans précédent."),
        ("marketing", "Découvrez notre nouvelle offre."),
        ("relative_date", "L’attaque a eu lieu ces derniers jours."),
        ("relative_date", "L’attaque a eu lieu mardi 30 janvier."),
        ("relative_date", "Vous aurez une réponse dans les prochains jours."),
        ("relative_date", "Cette page change dans les heures et jours à venir."),
        ("blanket_denial", "Vos coordonnées et données bancaires ne sont pas concernées."),
        (
            "blanket_denial",
            "Ni les données bancaires ni les informations médicales n’ont été lues.",
        ),
        ("reader_cannot_tell", "Si vous êtes concerné, soyez vigilant."),
        ("link", "Lisez https://exemple.invalid/x pour en savoir plus."),
        ("link", 'Lisez <a href="x">la page</a>.'),
        ("blanket_denial", "Aucune information médicale n’est sortie."),
        ("all_concerned", "Tous nos assurés sont concernés."),
        ("collective", "Chères adhérentes et chers adhérents, chers membres,"),
        ("misfit_advice", "Modifiez votre mot de passe."),
        ("impossible_advice", "L’espace adhérent est fermé. Changez votre mot de passe."),
        ("misfit_advice", "Aucun RIB n’a été lu. Faites opposition."),
        ("legal_reference", "selon l’article L.651-12 du Code monétaire et financier"),
        ("legal_reference", "selon l’article 33 du Code du travail"),
        ("legal_reference", "en vertu du L651-12."),
        ("legal_reference", "selon l’article L999-1 du Code de la mutualité"),
        ("report_channel", "Envoyez le courriel à PHAROS."),
        ("report_channel", "Pour un SMS, écrivez à PHAROS."),
        ("long_sentence", "mot " * 41 + "."),
    ],
)
def test_a_fault_is_found(rule, text):
    assert rule in find_codes(text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("minimising", "Malheureusement, ces données ont été lues."),
        (
            "hedge",
            "Nous ne pouvons pas exclure que vous soyez concerné, parce que des journaux manquent.",
        ),
        ("hedge", "Quelqu’un peut se faire passer pour votre médecin."),
        ("relative_date", "L’attaque a eu lieu mardi 30 janvier 2024."),
        ("reader_cannot_tell", "Si vous avez notre lettre, vous êtes personnellement concerné."),
        ("link", "Tapez vous-même 17cyber.gouv.fr."),
        ("link", "Écrivez à dpo@exemple.invalid."),
        (
            "all_concerned",
            "Tous nos assurés sont concernés. La réponse pour chacun : avant le 3 mars 2024.",
        ),
        ("collective", "Les adhérents de la maison sont informés individuellement."),
        ("misfit_advice", "Ne donnez jamais un mot de passe."),
        ("misfit_advice", "Vos mots de passe ont été volés. Changez votre mot de passe."),
        ("impossible_advice", "L’espace adhérent est ouvert. Changez votre mot de passe."),
        ("legal_reference", "selon l’article L. 561-12 du Code monétaire et financier"),
        ("legal_reference", "selon les articles 33 et 34 du RGPD"),
        ("legal_reference", "L102 B du Livre des procédures fiscales"),
        # Groups of drawn codes that begin like an article.
        ("legal_reference", "Votre code : 7QXK-L651-2M9P-3"),
        ("legal_reference", "Votre code : R62A-D123-TWZ4-5, référence L102-4KXN-2V"),
        ("report_channel", "Un courriel : Signal Spam, ou sinon PHAROS."),
        ("report_channel", "Un site : PHAROS."),
        ("long_sentence", "mot " * 40 + "."),
    ],
)
def test_what_is_right_passes(rule, text):
    assert rule not in find_codes(text)


def test_the_advice_about_banks_follows_the_facts():
    text = "Prévenez votre banque."
    assert "misfit_advice" in find_codes(text, exposed=Field.NIR)
    assert "misfit_advice" not in find_codes(text, exposed=Field.BANK_DETAILS)
    assert "missing_bank_advice" in find_codes("Bonjour.", exposed=Field.BANK_DETAILS)


def test_a_finding_says_where_what_and_what_to_do_in_both_languages():
    text = "Bonjour,\nvoici l’article L651-12 du code monétaire et financier."
    [found] = [one for one in lint_notice(text) if one.rule.code == "legal_reference"]
    assert (found.line, found.column) == (2, 9)
    assert found.excerpt == "article L651-12"
    assert "L561-12" in found.message("fr")
    assert "L561-12" in found.message("en")
    assert found.advice("fr") != found.advice("en")


def test_a_link_matters_in_an_email_and_not_in_a_letter():
    assert "link" in find_codes("Lisez www.exemple.invalid.", medium=Medium.EMAIL)
    assert "link" not in find_codes("Lisez www.exemple.invalid.", medium=Medium.LETTER)


def test_an_empty_text_lacks_everything_and_is_blocked():
    findings = lint_notice("")
    blocking = {code for code, rule in LINT_RULES.items() if rule.severity is Severity.BLOCKING}
    assert blocking <= {one.rule.code for one in findings}
    assert is_blocked(findings)
    assert not is_blocked(lint_notice(format_text(write_notice()), medium=Medium.LETTER))


def test_the_gravest_comes_first():
    ranks = [list(Severity).index(one.rule.severity) for one in lint_notice("Cybercarnage !")]
    assert ranks == sorted(ranks)


def test_a_text_of_hard_words_and_long_sentences_is_difficult():
    sentence = (
        "L’indisponibilité opérationnelle consécutive à l’exploitation malveillante des "
        "habilitations professionnelles compromises nécessite ultérieurement une "
        "réinitialisation systématique des mécanismes d’authentification institutionnels. "
    )
    assert "reading_level" in find_codes(sentence * 3)


@pytest.mark.parametrize("rule", LINT_RULES.values(), ids=lambda rule: rule.code)
def test_every_rule_has_words_a_source_and_looks_at_both_languages(rule):
    assert rule.source
    for texts in (rule.messages, rule.advices):
        assert set(texts) == {"fr", "en"}
        assert texts["fr"].endswith(".")
    if rule.kind is not RuleKind.COMPUTED:
        assert set(rule.find) == {"fr", "en"}


@pytest.mark.parametrize("kind", ReportKind)
def test_each_report_has_one_place_to_go(kind):
    assert find_channel(kind) in CHANNELS


def test_each_place_is_for_what_it_is_for():
    where = {kind: find_channel(kind).code for kind in ReportKind}
    assert where == {
        ReportKind.EMAIL: "signal_spam",
        ReportKind.SMS: "33700",
        ReportKind.CALL: "33700",
        ReportKind.SITE: "pharos",
        ReportKind.VICTIM: "17cyber",
    }
