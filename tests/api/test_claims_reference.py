"""The pages on claims are true: their examples are taken, their table says every rule."""

import json
import os
import re
from pathlib import Path

from tests.api.claiming import CLAIMS
from tests.api.world import COVERED, TODAY

from rempart.exchange.claim_rules import RULES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference" / "claims.md"
HOW_TO = DOCS / "how-to" / "send-claims.md"
MARK = "<!-- rules -->\n"


def format_rules():
    """The table of rules on form."""
    rows = [
        f"| `{one.rule}` | {one.fr} {one.advice_fr} | {one.en} {one.advice_en} |"
        for one in RULES.values()
    ]
    return "\n".join(["\n| rule | en français | in English |", "|---|---|---|", *rows]) + "\n"


def test_the_reference_says_every_rule_on_form():
    head, mark, _ = REFERENCE.read_text(encoding="utf-8").partition(MARK)
    page = head + mark + format_rules()
    if os.environ.get("REMPART_WRITE_DOCS"):
        REFERENCE.write_text(page, encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == page, "REMPART_WRITE_DOCS=1 pytest tests/api"


def test_the_claim_of_the_how_to_page_is_taken(gateway):
    text = HOW_TO.read_text(encoding="utf-8")
    [sent] = re.findall(r"```http\nPOST /v1/claims .*?\n\n(\{.*?\})\n```", text, re.DOTALL)
    claim = json.loads(sent)
    claim["lines"][0]["care_date"] = TODAY.isoformat()
    taken, refused = (json.loads(one) for one in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert claim["beneficiary"]["amc_number"] == COVERED.typed.amc_number.number
    reply = gateway.post(CLAIMS, json=claim)
    assert reply.status_code == 202
    assert reply.json().keys() == taken.keys()
    assert reply.json()["accepted"][0].keys() == taken["accepted"][0].keys()
    claim["lines"][0]["act"] = "ZZZ"
    reply = gateway.post(CLAIMS, json=claim)
    assert reply.status_code == 422
    assert reply.json() == refused
