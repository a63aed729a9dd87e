"""Nobody has a password in Rempart: no field takes one, no column keeps one, nothing resets one.

The database's own logins have generated passwords that no person types, in the modules named here.
"""

import re

import pytest
from tests.tidy.conftest import SourceFile

# Where the generated passwords of the database's logins are handled, and where words name them.
DATABASE_LOGINS = {
    "src/rempart/wiring/home.py",
    "src/rempart/wiring/database.py",
    "src/rempart/wiring/portals_app.py",
    "src/rempart/storage/cluster.py",
    "src/rempart/storage/connect.py",
    "src/rempart/storage/dump.py",
    "src/rempart/storage/migrate.py",
    "src/rempart/storage/postmaster.py",
    "src/rempart/storage/roles.py",
    "src/rempart/cli/database.py",
}
# A relay takes e-mails from whoever knows its secret: generated, in a file, typed by nobody.
DATABASE_LOGINS |= {"src/rempart/exchange/smtp_transport.py", "src/rempart/simulators/smtp.py"}
# The machinery of passwords, by the names libraries give it.
MACHINERY = re.compile(
    r"django\.contrib\.auth|AbstractBaseUser|PasswordInput|PasswordField|check_password"
    r"|make_password|set_password|password_reset|PasswordReset|hashers|argon2|bcrypt|scrypt"
    r"|pbkdf2|passlib|grant_type.{0,12}password",
    re.IGNORECASE,
)
# A field, a parameter, a column or a variable that would hold one.
HOLDER = re.compile(r"\b\w*(?:password|passwd|mot_de_passe|passphrase)\w*\b", re.IGNORECASE)
INPUT = re.compile(
    r"type=[\"']?password|autocomplete=[\"']?(?:current|new)-password", re.IGNORECASE
)


def find_machinery(file: SourceFile) -> list[str]:
    """Return the lines of a file that accept, keep or check a password."""
    found = []
    for number, line in enumerate(file.text.splitlines(), 1):
        machinery = MACHINERY.search(line) or INPUT.search(line)
        holder = file.path.endswith((".py", ".sql", ".js")) and _holds(file, line)
        if machinery or holder:
            found.append(f"  {file.path}:{number}")
    return found


def _holds(file: SourceFile, line: str) -> bool:
    if file.path in DATABASE_LOGINS:
        return False
    code = line.split("#")[0].split("--")[0].split("//")[0]
    code = re.sub(r'"[^"]*\s[^"]*"', "", code)  # a sentence may say the word
    return bool(HOLDER.search(code))


def is_ours(file: SourceFile) -> bool:
    """Say whether a file is code of the product; docstrings are read with the rest."""
    return (
        file.is_product and "/vendor/" not in file.path and not file.path.endswith((".po", ".md"))
    )


def test_nothing_accepts_keeps_or_resets_a_password(repository, expect_none):
    found = [line for file in repository if is_ours(file) for line in find_machinery(file)]
    expect_none(found, "there are no passwords in Rempart: recognise people by a ceremony")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/rempart/portals/forms.py", "password = forms.CharField()"),
        ("src/rempart/portals/views/x.py", "from django.contrib.auth import authenticate"),
        ("src/rempart/storage/schema/9.sql", "    password_hash text NOT NULL,"),
        ("src/rempart/portals/templates/x.html", '<input type="password" name="p">'),
        ("src/rempart/portals/static/x.js", "const passwd = form.value"),
        ("src/rempart/gateway/x.py", 'if grant_type == "password":'),
        ("src/rempart/storage/roles.py", "hashlib.scrypt(secret)"),
    ],
)
def test_the_rule_sees_a_password_come_in(path, line):
    assert find_machinery(SourceFile(path, line))


def test_the_rule_lets_people_say_there_is_none():
    page = SourceFile(
        "src/rempart/portals/templates/x.html", "<p>Il n’y a pas de mot de passe.</p>"
    )
    assert not find_machinery(page)
    login = SourceFile("src/rempart/storage/connect.py", "self.passwords[login]")
    assert not find_machinery(login)
