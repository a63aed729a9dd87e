"""What tests of passkeys share: browsers, what the database holds of them, many at once."""

import threading

from django.db import connections
from django.test import Client
from tests.portals.pages import change, fetch

REFUSED = b'{"error": "refused"}'


def make_client() -> Client:
    return Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox/1 on Linux"})


def leave(keyholder):
    token = keyholder.client.cookies["rempart_csrf"].value
    keyholder.client.post("/deconnexion", headers={"x-csrftoken": token})


def list_events(desk, kind):
    rows = fetch(
        desk,
        "SELECT actor_ref, details FROM accounts.security_event WHERE kind = %s ORDER BY at",
        kind,
    )
    return [(actor_ref, details) for actor_ref, details in rows]


def why(desk):
    """Return why the last sign-in was refused."""
    return list_events(desk, "sign_in_refused")[-1][1]["reason"]


def is_nobody_in(keyholder) -> bool:
    return keyholder.client.get("/compte").headers["Location"] == "/connexion?next=%2Fcompte"


def forget_counter(desk, keyholder):
    """Make an authenticator one of those that keep no counter."""
    keyholder.authenticator.counts, keyholder.authenticator.counter = False, 0
    change(desk, "UPDATE accounts.passkey SET sign_count = 0")


def run_at_once(calls, *, at_most=100):
    """Run calls side by side; the server of the tests has a hundred connections for everybody."""
    answers = [None] * len(calls)
    turns = threading.Semaphore(at_most)

    def run(number):
        with turns:
            try:
                answers[number] = calls[number]()
            finally:
                connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def spend_allowance(desk, thing="ceremony", *, address="127.0.0.1"):
    """Leave an address no try for a good while: counting up to the limit takes real time."""
    change(
        desk,
        "INSERT INTO accounts.tries VALUES (%s, clock_timestamp() + interval '1 h')"
        " ON CONFLICT (name) DO UPDATE SET empty_at = excluded.empty_at",
        f"{thing} {address}",
    )
