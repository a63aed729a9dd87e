"""Check one right, as a professional's software would. `rempart demo` prints the five arguments."""

import sys
import time
from datetime import date

import httpx

from rempart.client import Card, Rempart, SigningKey

URL, PSC, KEY_FILE, RPPS, CARD = sys.argv[1:]
OURS = {"client_id": "logiciel-exemple", "client_secret": "logiciel-exemple"}  # at the simulator


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
    print(access.check_rights(Card(CARD), domain="PHAR", care_date=date.today()))  # noqa: DTZ011
