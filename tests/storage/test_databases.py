"""Each test gets a database of its own, with everybody's rights in place."""

from rempart.storage.connect import Database
from rempart.storage.roles import LOGINS


def test_every_process_enters_the_database_with_its_own_login(database: Database):
    for login in LOGINS:
        with database.transaction(login) as transaction:
            row = transaction.execute("SELECT current_user").fetchone()
        assert row == (f"rempart_{login}",)
