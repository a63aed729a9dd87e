"""Whoever reads entries of the ledger for people takes the acts log: a new reader cannot forget it.

A function of storage reads entries when one of its queries does, or one of its neighbours that it
calls. A workflow that uses such a function, directly or through its own private functions, says
where the reading is recorded: in its parameters, or in those of what it is given.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rempart.storage.queries import parse_queries

SOURCES = Path(__file__).parents[2] / "src/rempart"
# The rows of the ledger that say who was shown what, and what incidents drew from them.
ROWS = re.compile(
    r"\bledger\.(entry|session|my_history|inquiry_history|open_my_entry)\b"
    r"|\bincidents\.(exposed_person|attributed_session)\b"
)
TAKEN = {"ActsLog", "Readings", "Reader", "Archive", "Workshop", "AnswerDesk"}
# Workflows that read entries and show none of them, or whose reading is on record otherwise.
EXEMPT: Mapping[str, str] = {
    "ledger/audit_ledger": "names places that differ, never what is written there",
    "ledger/audit_segments": "the same, in sealed files",
    "ledger/change_log_key": "shows no entry; what it does is an act",
    "backups/copy_acts": "shows nothing: the acts log itself, sealed by who wrote it",
    "claims/adjudicate_claims": "shows nothing: keeps the promises that claims quote",
    "claims/undo_claims": "the same",
    "claims/cancel_claim": "the same: shows nothing",
    "rights/check_rights": "the gateway: its own sessions, and what it answers is an entry itself",
    "ledger/ledger_page": "the same",
    "guard/guard_lookups": "the gateway: whether an account was ever answered, and nothing else",
    "guard/sitting": "the same",
    "guard/forget_faces": "shows nothing: counts faces of accounts, and forgets them",
    "guard/rebuild_guard": "shows nothing: gives the guard back what it knew",
    "rights/open_session": "the same",
    "ledger/watch_lookups.count_volumes": "counts of everything",
    "incidents/read_incident.list_incidents": "counts of everything",
    "incidents/read_incident.list_incident_lines": "counts of everything",
    "accounts/insurer_figures": "counts by insurer; nobody who was looked up is named",
    "incidents/overrule_session.overrule_session": "shows nothing of the session it names",
    "incidents/suspects.reach_suspects": "says which accounts; expose_persons records what is read",
    "incidents/clocks": "counts of persons by insurer; names nobody",
    "incidents/case_file": "the same",
    "incidents/judge_incident": "the same",
    "incidents/notify_authority": "the same",
    "incidents/measure_exercise.draw_timeline": "counts of everything",
    "rights/cut_services.preview_cut": "counts of everything",
    "rights/read_chain.preview_reach": "counts by insurer; nobody who was looked up is named",
    "incidents/prepare_packages.read_sheet": "counts by insurer; nobody who was looked up is named",
    "incidents/send_packages.list_missing": "the same",
    "rights/manage_presence.preview_policy": "counts; nobody who was looked up is named",
    "members/member_history.report_consultation": "about an entry its reader was shown on record",
    "incidents/package_people.People": "make_packages has recorded that the list leaves",
    "ledger/prove_entry.prove_own_entry": "called by what has recorded the member's reading",
}


def find_readers(directory: Path) -> dict[str, set[str]]:
    """Return, for each module of storage, its functions and classes that read entries."""
    found = {}
    for file in sorted(directory.glob("*.py")):
        package = re.search(r'load_queries\("(\w+)"\)', source := file.read_text())
        if not package or not (sql := directory / f"{package[1]}.sql").exists():
            continue
        queries = parse_queries(sql.read_text())
        reading = {name for name, query in queries.items() if ROWS.search(query.text)}
        found[file.stem] = close_over(ast.parse(source), reading)
    return found


def close_over(module: ast.Module, names: set[str]) -> set[str]:
    """Return the functions and classes of a module that use these names, or such a function."""
    tops = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    used = {node.name: set(list_names(node)) for node in tops}
    reading: set[str] = set()
    while True:
        more = {name for name, uses in used.items() if uses & (names | reading)} - reading
        if not more:
            return reading
        reading |= more


def list_names(node: ast.AST) -> Iterator[str]:
    """Yield every name and attribute under a node."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr


def find_forgetful(sources: Path) -> list[str]:
    """Return the public functions of workflows that read entries and take no acts log."""
    readers = find_readers(sources / "storage")
    forgetful = []
    for file in sorted((sources / "workflows").rglob("*.py")):
        name = file.relative_to(sources / "workflows").with_suffix("").as_posix()
        module = ast.parse(file.read_text())
        read = find_imported(module, readers)
        reading = close_over(module, read) if read else set()
        for node in module.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            place = f"{name}.{node.name}"
            if (
                node.name in reading
                and not node.name.startswith("_")
                and not TAKEN & set(list_parameters(node))
                and not {name, place} & EXEMPT.keys()
            ):
                forgetful.append(place)
    return forgetful


def find_imported(module: ast.Module, readers: Mapping[str, set[str]]) -> set[str]:
    """Return which readers of the modules of storage another module names."""
    names = set(list_names(module))
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rempart.storage"):
            whole = {alias.name for alias in node.names}
            if node.module == "rempart.storage":
                found.update(*(readers.get(storage, set()) & names for storage in whole))
            else:
                found |= readers.get((node.module or "").rpartition(".")[2], set()) & whole
    return found


def list_parameters(node: ast.AST) -> Iterator[str]:
    """Yield the names in the annotations of a function's parameters, or of a class's fields."""
    for one in ast.walk(node):
        if isinstance(one, ast.arg | ast.AnnAssign) and one.annotation:
            yield from list_names(one.annotation)


def test_whoever_reads_entries_for_people_takes_the_acts_log():
    assert find_forgetful(SOURCES) == []


def test_the_readers_are_found():
    readers = find_readers(SOURCES / "storage")
    assert {"list_lookups", "list_exposure", "list_sessions"} <= readers["console"]
    assert "list_insurers" not in readers["console"]
    assert {"gather_lookups", "load_suspect_lookups"} <= readers["suspect_lookups"]
    assert "StoredLog" in readers["ledger"]


def test_every_exemption_is_still_needed():
    for exempt in EXEMPT:
        module, _, function = exempt.partition(".")
        source = (SOURCES / f"workflows/{module}.py").read_text()
        named = (f"def {function}(", f"class {function}")
        assert any(one in source for one in named) or not function, exempt


@pytest.fixture
def small_sources(tmp_path: Path) -> Path:
    """Sources of which one module of storage reads entries."""
    (tmp_path / "storage").mkdir()
    (tmp_path / "workflows/rights").mkdir(parents=True)
    (tmp_path / "storage/peek.sql").write_text(
        "-- name: list_rows\n-- Rows.\nSELECT * FROM ledger.entry;\n\n"
        "-- name: list_logs\n-- Logs.\nSELECT * FROM ledger.log;\n"
    )
    (tmp_path / "storage/peek.py").write_text(
        'Q = load_queries("peek")\n'
        "def _rows(tx): return tx.execute(Q.list_rows)\n"
        "def list_rows(tx): return _rows(tx)\n"
        "def list_logs(tx): return tx.execute(Q.list_logs)\n"
    )
    return tmp_path


IMPORT = "from rempart.storage.peek import list_rows\n"


@pytest.mark.parametrize(
    ("workflow", "forgets"),
    [
        ("from rempart.storage import peek\ndef show(tx): return peek.list_rows(tx)", True),
        (IMPORT + "def show(tx): return list_rows(tx)", True),
        (IMPORT + "def show(tx): return _find(tx)\ndef _find(tx): return list_rows(tx)", True),
        (IMPORT + "class Page:\n    def show(self, tx): return list_rows(tx)", True),
        ("from rempart.storage import peek\ndef show(tx): return peek.list_logs(tx)", False),
        (IMPORT + "def show(tx, acts: ActsLog): return list_rows(tx)", False),
    ],
)
def test_mutation_a_reader_that_forgets_is_named(small_sources: Path, workflow: str, forgets: bool):
    (small_sources / "workflows/rights/fresh.py").write_text(workflow)
    assert bool(find_forgetful(small_sources)) is forgets
