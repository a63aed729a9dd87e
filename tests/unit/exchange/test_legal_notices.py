"""Who answers for a site: a file that says what readers must be told, or is refused."""

from pathlib import Path

import pytest

from rempart.exchange.legal_notices import read_legal_notices
from rempart.kernel.errors import SetupError

LINES = {
    "publisher": "Plateforme Lambda",
    "publisher_address": "1 rue de l’Exemple, 75000 Paris",
    "publisher_phone": "01 99 00 00 00",
    "director": "Camille Exemple",
    "host": "Hébergeur Démo",
    "host_address": "2 rue de l’Exemple, 75000 Paris",
    "host_phone": "01 99 00 00 01",
    "dpo_email": "dpo@lambda.invalid",
}


def write(folder: Path, **changes: object) -> Path:
    said = {name: value for name, value in {**LINES, **changes}.items() if value is not None}
    path = folder / "legal.toml"
    path.write_text(
        "".join(
            f'{name} = "{value}"\n' if isinstance(value, str) else f"{name} = {value}\n"
            for name, value in said.items()
        ),
        "utf-8",
    )
    return path


def test_a_file_says_who_answers(tmp_path):
    legal = read_legal_notices(write(tmp_path, registration="RCS Paris 000 000 000"))
    assert (legal.host, legal.registration) == ("Hébergeur Démo", "RCS Paris 000 000 000")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"director": None}, "missing or unknown: director"),
        ({"directeur": "X"}, "missing or unknown: directeur"),
        ({"host": " "}, "host: readers must be told"),
        ({"host": "x" * 301}, "host: a line"),
        ({"host": "a\u202eb"}, "host: a line"),
        ({"host": 3}, "host: a line"),
        ({"dpo_email": "dpo"}, "dpo_email: an e-mail address"),
    ],
)
def test_a_file_that_leaves_something_out_is_refused(tmp_path, changes, words):
    with pytest.raises(SetupError, match=words):
        read_legal_notices(write(tmp_path, **changes))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"REMPART_LEGAL_FILE=.*legal\.toml"):
        read_legal_notices(tmp_path / "legal.toml")
    (tmp_path / "legal.toml").write_text("publisher =")
    with pytest.raises(SetupError, match=r"REMPART_LEGAL_FILE"):
        read_legal_notices(tmp_path / "legal.toml")
