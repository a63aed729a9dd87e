"""What a mapping may hold, as a page: docs/reference/mapping.md says what the reader checks."""

import os
import re
from pathlib import Path

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_facts import FACTS
from rempart.exchange.foreign_fhir import list_plain_names
from rempart.exchange.foreign_keys import CLEANINGS, FORMATS, REPEATED, describe_tables

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "mapping.md"
HOW_TO_WRITE = "the keys changed: run `REMPART_WRITE_DOCS=1 pytest tests/spec` and read the diff"
FIELDS = re.compile(r"(had to know: ).*?(\. Things that are not persons)", re.DOTALL)
TABLES = re.compile(r"(## Keys\n\n).*?(\n## The facts)", re.DOTALL)


def write_keys(write_table):
    parts = []
    for name, rows in describe_tables().items():
        title = f"`[[{name}]]`, any number" if name in REPEATED else f"`[{name}]`"
        parts.append(f"### {title if name else 'At the top'}\n")
        if name == "own_fields":
            parts.append("A name for each bit, such as `object_content = 40`.\n")
            continue
        cells = [
            (f"`{key}`", kind.replace("|", "\\|"), default, what)
            for key, kind, default, what in rows
        ]
        parts.append(write_table(("key", "holds", "without it", "says"), cells) + "\n")
    parts.append("Ways of cleaning:\n")
    parts.append(
        write_table(("way", "what it does"), [(f"`{n}`", w) for n, w in CLEANINGS.items()])
    )
    return "\n".join(parts) + "\n"


def test_the_page_lists_every_key_and_every_field(write_table):
    text = PAGE.read_text("utf-8")
    fields = ", ".join(f"`{one.name.lower()}`" for one in Field)
    wanted = FIELDS.sub(lambda found: found[1] + fields + found[2], text)
    wanted = TABLES.sub(lambda found: found[1] + write_keys(write_table) + found[2], wanted)
    if os.environ.get("REMPART_WRITE_DOCS") == "1":
        PAGE.write_text(wanted, "utf-8")
        text = wanted
    assert text == wanted, HOW_TO_WRITE


def test_the_page_names_every_format_every_column_and_every_plain_name():
    text = PAGE.read_text("utf-8")
    for name in (*FORMATS, *FACTS.names, *(n for n in list_plain_names() if n != "patients")):
        assert f"`{name}`" in text, name


def test_a_key_that_is_not_on_the_page_is_seen(write_table):
    """The mutation beside it: a key taken off the page is missed."""
    assert "`gap_minutes`" in write_keys(write_table)
    assert (
        TABLES.search(PAGE.read_text("utf-8").replace("`gap_minutes`", ""))[0]
        != (TABLES.search(PAGE.read_text("utf-8"))[0])
    )
