"""Check a right, bill it, read what is due. `rempart demo` prints the six arguments."""

import sys
import time
from datetime import date

import httpx

from rempart.client import Card, Claims, Open, Rempart, SigningKey

URL, PSC, KEY_FILE, RPPS, CARD, BORN = sys.argv[1:]  # BORN: AAAAMMJJ, as the card prints it
OURS = {"client_id": "logiciel-exemple", "client_secret": "logiciel-exemple"}  # at the simulator
TODAY = date.today()  # noqa: DTZ011
ACT = {"number": 1, "act": "PH7", "billed_cents": 1240, "base_cents": 1240}  # a medicine at 65 %


def sign_in() -> str:
    """Ask the professional on their own device (CIBA), wait, and return their access token."""
    ask = {**OURS, "scope": "openid scope_all", "login_hint": RPPS, "binding_message": "42"}
    asked = httpx.post(f"{PSC}/ext/ciba/auth", data=ask).raise_for_status().json()
    print(f"Approve number 42 at {httpx.URL(PSC).join('/wallet/ciba')}", flush=True)
    poll = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": asked["auth_req_id"]}
    reply = {"error": "authorization_pending"}
    while reply.get("error") == "authorization_pending":
        time.sleep(asked["interval"])
        reply = httpx.post(f"{PSC}/token", data={**OURS, **poll}).json()
    return reply.get("access_token") or sys.exit(str(reply))


with Rempart(URL, client_id="logiciel-exemple", key=SigningKey.load(KEY_FILE)) as rempart:
    access = rempart.act_for(sign_in)
    answer = access.check_rights(Card(CARD), domain="PHAR", care_date=TODAY)
    received = Claims(access).send([
        {
            "invoice": f"{TODAY:%Y}-{time.time_ns() // 10**6}",  # yours, one for each claim
            "beneficiary": {"mode": "card", "card_code": CARD, "birth_date": BORN},
            "engagement": answer.engagement.number if isinstance(answer, Open) else "",
            "lines": [{**ACT, "care_date": f"{TODAY}"}],
        }
    ])  # fmt: skip
    for refusal in received.refused:
        sys.exit(str([finding["en"] for finding in refusal.findings]))
    while (claim := Claims(access).read(received.references[1]))["state"] == "received":
        time.sleep(1)  # what is due is computed within a minute
    print(claim["claim"], claim["state"], claim["amc_cents"] or 0, "cents from the insurer")
    for finding in claim["findings"]:  # run twice in a day, the second one is a duplicate
        print(f"line {finding['line']}: {finding['en']}")
