"""Whether there are backups, seen by the host's agents and nobody else."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from tests.portals import bench, people, samples

from rempart.accounts.roles import Role

PAGE = "/console/sauvegardes"


def text(answer) -> str:
    return unescape(answer.content.decode())


def run(desk, statement: str, *values):
    with desk.database.transaction("owner") as tx:
        tx.execute(statement, values)


def browse(desk, org, role: Role) -> Client:
    browser = Client()
    people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role))
    return browser


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Mu")


def plant(desk, name: str, *, days: int, **columns) -> None:
    made = samples.NOW - timedelta(days=days)
    run(
        desk,
        "INSERT INTO retention.backup (backup, made_at, bytes, program, purge, kept_until)"
        " VALUES (%s, %s, 1234567, '1', 4, %s)",
        *(name, made, (made + timedelta(days=35)).date()),
    )
    for column, value in columns.items():
        run(desk, f"UPDATE retention.backup SET {column} = %s WHERE backup = %s", value, name)


def test_no_backup_at_all_is_said_loudly(desk, host):
    shown = text(browse(desk, host, Role.OPERATOR_OPS).get(PAGE))
    assert "Aucune sauvegarde n’est connue" in shown
    assert "rempart backup make" in shown
    assert "jamais été restaurée" in shown


def test_each_backup_says_until_when_it_is_kept_and_what_is_erased_again(desk, host):
    plant(desk, "20261121T013600Z-aaaaaa", days=1, verified_at=samples.NOW)
    run(
        desk,
        "UPDATE retention.backup SET tried_at = %s, tried_s = 42, tried_purges = 3",
        samples.NOW,
    )
    run(
        desk,
        "INSERT INTO retention.restoration (backup, made_at, purges_from, purges_to, report)"
        " VALUES ('20261101T013600Z-bbbbbb', '2026-11-01', 2, 9, '{}')",
    )
    dpo = browse(desk, host, Role.OPERATOR_DPO)
    [(number,)] = bench.fetch(desk, "SELECT number FROM retention.restoration")
    certificate = f"{PAGE}/restaurations/{number}"
    assert certificate not in text(dpo.get(PAGE)), "it is of a time before there were certificates"
    assert dpo.get(certificate).status_code == 404
    run(desk, "UPDATE retention.restoration SET certificate = 'signed', signed_by = 'key'")
    shown = text(dpo.get(PAGE))
    assert certificate in shown
    assert f"rempart retention verify restauration-{number}.txt --key" in shown
    assert dpo.get(certificate).content == b"signed"
    for words in ("aaaaaa", "42 s, 3 effacements refaits", "bbbbbb", "7 effacements", "n° 9"):
        assert words in shown
    assert 'role="alert"' not in shown
    assert "rien n’est payé avant" in shown
    assert "20261121T013600Z-aaaaaa" in dpo.get(f"{PAGE}.csv").content.decode()


def test_two_nights_without_one_is_an_alarm(desk, host):
    plant(desk, "20261119T013600Z-aaaaaa", days=3)
    shown = text(browse(desk, host, Role.OPERATOR_OPS).get(PAGE))
    assert "plus de deux jours" in shown
    assert "Aucune n’a jamais été restaurée" in shown


def test_nobody_else_sees_them(desk, host):
    plant(desk, "20261121T013600Z-aaaaaa", days=1)
    hosted = people.make_organisation(
        desk.database, "operator", name="Hébergé", hosted_by=host.org_ref
    )
    for page in (PAGE, f"{PAGE}.csv", f"{PAGE}/restaurations/1"):
        assert browse(desk, hosted, Role.OPERATOR_ADMIN).get(page).status_code == 404
        insurer = people.make_organisation(desk.database, "insurer")
        assert browse(desk, insurer, Role.INSURER_ADMIN).get(page).status_code == 403
