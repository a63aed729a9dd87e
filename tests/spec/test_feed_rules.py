"""Every rule that can refuse a row of a feed, as a page the insurer's staff can read."""

import re

from rempart.exchange.feed_rules import OF_A_FIELD, OF_A_PERSON, OF_THE_FILE

FAMILIES = {
    "Of the file and its lines": OF_THE_FILE,
    "Of a field": OF_A_FIELD,
    "Of a person's lines together": OF_A_PERSON,
}


def test_the_page_of_rules_says_what_the_code_says(check_page, write_table):
    page = [
        "# What can be wrong in a feed",
        (
            "Generated from `exchange/feed_rules.py`. A finding names the line, the field and one "
            "of these rules; its words are French by default, English with `--lang en`."
        ),
    ]
    for title, refusals in FAMILIES.items():
        rows = [(f"`{one.rule}`", one.fr, one.advice_fr, one.en) for one in refusals]
        header = ("rule", "ce qui ne va pas", "que faire", "what is wrong")
        page += [f"## {title}", write_table(header, rows)]

    check_page("feed.md", "\n\n".join(page) + "\n")


def test_every_rule_says_what_to_do_in_both_languages():
    for refusals in FAMILIES.values():
        for one in refusals:
            for text in (one.fr, one.en, one.advice_fr, one.advice_en):
                assert re.fullmatch(r".{10,}[.]", text), one.rule
