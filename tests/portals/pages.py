"""What tests of pages read: rows of tables, codes, the database behind."""

import re
from html import unescape

from django.test import Client
from tests.portals import people

CODE = re.compile(r'id="code">([0-9A-Z-]{29})<')
_ROW = re.compile(r"<tr>\s*<th scope=\"row\">.*?</tr>", re.DOTALL)


def fetch(desk, query, *values):
    """Return rows of the database, whoever they belong to."""
    with desk.database.transaction("admin") as tx:
        return tx.execute(query, values).fetchall()


def change(desk, statement, *values):
    """Change the database behind the pages."""
    with desk.database.transaction("owner") as tx:
        tx.execute(statement, values)


def events(desk, *kinds):
    """Return the kinds of the security events, the oldest first; only some when asked."""
    rows = fetch(desk, "SELECT kind FROM accounts.security_event ORDER BY at")
    return [kind for (kind,) in rows if not kinds or kind in kinds]


def read_rows(answer):
    """Return the rows of the tables of a page as one line of words each."""
    found = _ROW.findall(answer.content.decode())
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def read(answer):
    """Return the words of a page, as one line."""
    text = unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", text.replace("\u202f", " "))


def show(browser, page="/organisation"):
    """Return a page's text."""
    return browser.get(page).content.decode()


def read_token(browser, page="/organisation"):
    """Return the token that a form of this browser must carry."""
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', show(browser, page))[1]


def open_browser(desk, who):
    """Return another browser, signed in as somebody."""
    client = Client(headers={"user-agent": "Another browser"})
    people.sign_in(client, desk.database, who)
    return client


def is_in(client):
    """Tell whether a browser is signed in."""
    return client.get("/organisation").status_code == 200


def address(who, act=""):
    """Return the page of a person, or of an act on them."""
    return f"/organisation/personnes/{who.membership_ref}{act}"
