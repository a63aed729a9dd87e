"""`rempart warnings` and `rempart bank-details`, as a timer runs them."""

import pytest
from click.testing import CliRunner
from tests.workflows.practice import Practice

from rempart.cli.bank_details import bank_details
from rempart.cli.warnings import warnings
from rempart.kernel.errors import SetupError
from rempart.storage.contacts import make_letterbox


@pytest.fixture
def practice(database) -> Practice:
    practice = Practice(database)
    practice.open_account()
    return practice


@pytest.fixture
def run(environment):
    def invoke(command, *arguments):
        return CliRunner(env=environment).invoke(command, arguments)

    return invoke


@pytest.fixture
def addresses(practice, tmp_path):
    [(siret,)] = practice.fetch("SELECT siret FROM accounts.establishment")
    file = tmp_path / "addresses.csv"
    file.write_text(f"owner;channel;address\n{siret};email;pharmacie@example.invalid\n")
    return file


def test_addresses_are_loaded_warnings_written_and_changes_activated(
    practice, run, addresses, tmp_path
):
    assert run(warnings, "load", str(addresses)).output == (
        "1 addresses added, 0 replaced, 0 unchanged, 0 rows refused\n"
    )
    practice.propose(practice.hire())
    practice.let_time_pass()
    assert run(bank_details, "activate").output == "1 changes took effect\n"
    assert run(bank_details, "activate").output == "0 changes took effect\n"
    folder = tmp_path / "out"
    folder.mkdir()
    assert run(warnings, "send", "--to", str(folder)).output.startswith("3 warnings written")
    assert run(warnings, "send", "--to", str(folder)).output.startswith("0 warnings written")
    texts = [file.read_text() for file in folder.iterdir()]
    assert all("email: pharmacie@example.invalid" in text for text in texts)
    for words in ("Une adresse a été ajoutée", "a été demandé", "les paiements y vont désormais"):
        assert sum(words in text for text in texts) == 1


def test_a_bad_row_is_told_and_the_command_fails(run, practice, tmp_path):
    file = tmp_path / "addresses.csv"
    file.write_text("owner;channel;address\n1;email;pharmacie@example.invalid\n")
    done = run(warnings, "load", str(file))
    assert done.exit_code == 1
    assert "line 2, owner: No known establishment" in done.output


def test_addresses_of_another_home_are_counted(run, practice, tmp_path):
    practice.add_address("pharmacie@example.invalid")  # sealed by the key of the tests
    practice.propose(practice.hire())
    done = run(warnings, "send", "--to", str(tmp_path))
    assert done.exit_code == 1
    assert "1 wait: their addresses were sealed by another home" in done.output


def test_a_full_disk_is_told_and_leaves_no_half_warning(run, practice, home, tmp_path, monkeypatch):
    ref = practice.add_address("pharmacie@example.invalid")
    sealed = make_letterbox(home.key("master")).slot.close("a@example.invalid", bound_to=ref)
    practice.run("UPDATE accounts.contact SET sealed = %s", sealed)
    practice.propose(practice.hire())

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rempart.exchange.whole_file.os.fsync", fail)
    done = run(warnings, "send", "--to", str(tmp_path))
    assert isinstance(done.exception, SetupError)
    assert "No space left" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
    assert practice.fetch("SELECT count(*) FROM accounts.warning WHERE sent_at IS NULL") == [(1,)]
