"""`rempart client`, as somebody types it."""

import re

import pytest
from click.testing import CliRunner
from tests.workflows.test_clients import COLUMNS, make_row

from rempart.cli.client import client
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.workflows.open_sign_in_link import redeem_sign_in_link

RPPS = make_synthetic_rpps(1).number


@pytest.fixture
def run(environment, tmp_path):
    """A function that runs one command in a home with two professionals."""

    def invoke(*arguments):
        return CliRunner(env=environment).invoke(client, arguments)

    file = tmp_path / "professionals.csv"
    rows = [";".join(row.values()) for row in (make_row(1), make_row(2))]
    file.write_text("\n".join([";".join(COLUMNS), *rows]), encoding="utf-8-sig")
    loaded = invoke("load", str(file))
    assert loaded.output.splitlines()[-1] == "2 professionals loaded, 0 rows refused"
    return invoke


def test_a_key_is_printed_once_and_alone_on_standard_output(run):
    made = run("create", "--rpps", RPPS, "--label", "Logiciel", "--expires", "30")
    assert re.fullmatch(r"rmp_[\w-]{43}\n", made.stdout)
    listed = run("list").output
    assert made.stdout.strip() not in listed
    assert RPPS in listed
    assert "until 20" in listed


def test_a_client_is_revoked_by_the_number_in_the_list(run):
    run("create", "--rpps", RPPS, "--label", "Logiciel")
    [number] = re.findall(r"\b\d{15,19}\b", run("list").output)
    assert run("revoke", number).output == f"client {number} is revoked\n"
    assert "revoked 20" in run("list").output


def test_a_login_link_can_be_redeemed(run, database):
    link = run("login-link", "--rpps", RPPS, "--base-url", "https://rempart.example/").output
    token = link.strip().removeprefix("https://rempart.example/connexion/")
    with database.transaction("registrar") as tx:
        assert redeem_sign_in_link(tx, token).account_ref is not None


def test_the_operators_link_leads_to_this_installation(run):
    assert run("login-link", "--operator").output.startswith("http://127.0.0.1:8080/connexion/")


@pytest.mark.parametrize("options", [(), ("--operator", "--rpps", RPPS)])
def test_a_login_link_is_for_somebody(run, options):
    refused = run("login-link", *options)
    assert refused.exit_code == 2
    assert "give --rpps NUMBER or --operator" in refused.output


@pytest.mark.parametrize(
    ("rpps", "words"), [("123", "11 digits"), ("99700000001", "does not match"), ("", "11 digits")]
)
def test_a_wrong_number_is_told_without_repeating_it(run, rpps, words):
    refused = run("create", "--rpps", rpps, "--label", "Logiciel")
    assert refused.exit_code == 2
    assert words in refused.output


def test_a_bad_row_is_shown_with_its_line_and_the_exit_code_is_1(run, tmp_path):
    file = tmp_path / "more.csv"
    rows = [make_row(3), make_row(4, siret="1")]
    file.write_text("\n".join([";".join(COLUMNS), *(";".join(row.values()) for row in rows)]))
    loaded = run("load", str(file))
    assert loaded.exit_code == 1
    assert "line 3, siret: " in loaded.output
    assert "1 professionals loaded, 1 rows refused" in loaded.output
