"""`rempart client`, as somebody types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.portals import people
from tests.workflows.test_clients import COLUMNS, make_row

from rempart.cli.client import client
from rempart.kernel.errors import Conflict, NotFound


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


@pytest.fixture
def publisher(database):
    """The one publisher of this installation."""
    return people.make_organisation(database, "publisher", name="Éditions Officine")


@pytest.fixture
def jwk(run, tmp_path):
    """A function that makes a key pair and returns the file of its public half."""

    def make(name="one"):
        made = run("new-key", str(tmp_path / f"{name}.private"))
        file = tmp_path / f"{name}.jwk"
        file.write_text(made.stdout)
        return str(file)

    return make


def register(run, jwk_file, *more):
    names = ("--id", "officine-plus", "--label", "Officine Plus")
    return run("register", *names, "--jwk", jwk_file, *more)


def test_a_new_key_shows_its_public_half_only_and_its_file_is_private(run, tmp_path):
    file = tmp_path / "key.json"
    made = run("new-key", str(file))
    shown, kept = json.loads(made.stdout), json.loads(file.read_text())
    assert "d" not in shown
    assert kept["d"] not in made.output
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_exists_is_left_as_it_is(run, tmp_path):
    file = tmp_path / "key.json"
    file.write_text("precious")
    refused = run("new-key", str(file))
    assert isinstance(refused.exception, Conflict)
    assert file.read_text() == "precious"


def test_a_software_is_registered_listed_and_revoked_by_its_name(run, publisher, jwk):
    file = jwk()
    kid = json.loads(Path(file).read_text())["kid"]
    assert register(run, file).output == f"officine-plus is registered, key {kid}\n"
    listed = run("list").output
    assert "officine-plus" in listed
    assert "Éditions Officine" in listed
    assert kid in listed
    assert run("revoke", "officine-plus").output == "officine-plus is revoked\n"
    assert "revoked 20" in run("list").output


def test_a_rotation_adds_a_key_and_plans_the_end_of_the_others(run, publisher, jwk):
    register(run, jwk())
    rotated = run("rotate", "officine-plus", "--jwk", jwk("two"))
    assert "the others end in 24 h" in rotated.output
    assert " until 20" in run("list").output
    again = run("rotate", "officine-plus", "--jwk", jwk("three"), "--keep-hours", "0")
    assert "the others end in 0 h" in again.output
    assert " ended" in run("list").output


def test_a_software_by_certificate_may_act_for_one_establishment(run, publisher, database):
    siret = make_row(1)["siret"]
    made = run(
        *("register", "--id", "clinique", "--label", "Clinique", "--establishment", siret),
        *("--certificate-subject", "CN=clinique.example, O=Clinique"),
    )
    assert made.output == "clinique is registered\n"
    assert "CN=clinique.example,O=Clinique" in run("list").output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "by its keys or by a certificate"),
        (("--certificate-subject", "clinique"), "RFC 4514"),
    ],
)
def test_a_registration_that_cannot_be_is_explained(run, publisher, options, words):
    refused = run("register", "--id", "clinique", "--label", "Clinique", *options)
    assert refused.exit_code == 2
    assert words in refused.output


def test_a_private_key_is_refused_without_being_repeated(run, publisher, jwk, tmp_path):
    jwk()
    refused = register(run, str(tmp_path / "one.private"))
    assert refused.exit_code == 2
    assert "holds its private part" in refused.output
    assert json.loads((tmp_path / "one.private").read_text())["d"] not in refused.output


def test_a_software_needs_a_publisher_that_is_named_when_there_are_several(run, jwk, database):
    file = jwk()
    assert isinstance(register(run, file).exception, NotFound)
    for name in ("Un", "Deux"):
        people.make_organisation(database, "publisher", name=name)
    assert "give --publisher NAME" in register(run, file).output
    assert "registered" in register(run, file, "--publisher", "Deux").output


def test_an_establishment_nobody_loaded_is_told(run, publisher):
    refused = run(
        *("register", "--id", "clinique", "--label", "Clinique", "--establishment", "990000018"),
        *("--certificate-subject", "CN=clinique.example"),
    )
    assert isinstance(refused.exception, NotFound)


def test_a_bad_row_is_shown_with_its_line_and_the_exit_code_is_1(run, tmp_path):
    file = tmp_path / "more.csv"
    rows = [make_row(3), make_row(4, siret="1")]
    file.write_text("\n".join([";".join(COLUMNS), *(";".join(row.values()) for row in rows)]))
    loaded = run("load", str(file))
    assert loaded.exit_code == 1
    assert "line 3, siret: " in loaded.output
    assert "1 professionals loaded, 1 rows refused" in loaded.output
