"""A keeper killed with -9 at each of its steps: nothing is lost, nothing leaves twice."""

import subprocess
import sys

import pytest
from tests.retention.dying_keeper import open_journal
from tests.retention.practice import Cellar

from rempart.retention.certificate import parse_certificate
from rempart.storage import retention_runs

pytestmark = pytest.mark.timeout(240)


def test_a_keeper_killed_at_each_step_archives_and_erases_everything_once(
    database, home, environment, tmp_path
):
    cellar = Cellar(database=database, home=home, directory=tmp_path)
    cellar.add(1)
    cellar.add(2, left_months=25)
    cellar.add(3, left_months=75)
    cellar.load()
    member, former, _ = cellar.list_persons()
    claim = cellar.bill(former, settled_months=49)
    run_id = cellar.plan()
    assert run_id is not None
    cellar.agree(run_id)
    planned = {line[:3] for line in cellar.list_items(run_id)}
    deaths, code = 0, -9
    # The last death comes after the last commit: the run is done, and nobody was told.
    while code == -9 and cellar.find_state(run_id) != "done":
        deaths += 1
        command = ["tests.retention.dying_keeper", str(run_id), str(tmp_path), str(deaths)]
        code = subprocess.run(
            [sys.executable, "-m", *command], env=environment, check=False
        ).returncode
        # Whatever the moment: a field is in the base, or in the archive, or in a purge outside.
        said = {
            (line[2], field)
            for record in open_journal(tmp_path).read_since(0)
            for field, lines in record.content["left"].items()
            for line in lines
        }
        for subject, field, step in planned:
            seen = cellar.see(subject)
            there = field in seen["active"] | seen["archive"] or subject == claim
            assert there or (subject, field) in said, (subject, field, step, deaths)
    assert code in (0, -9)
    assert cellar.find_state(run_id) == "done"
    assert deaths > 8, deaths
    left = cellar.fetch("SELECT subject, field, step FROM retention.gone ORDER BY 1, 2, 3")
    assert left == sorted(planned)
    with cellar.begin() as tx:
        note = retention_runs.load_certificate(tx, run_id) or ""
    certificate = parse_certificate(note.partition("\n\n")[0] + "\n")
    assert sum(certificate.counts.values()) == len(planned)
    assert cellar.fetch("SELECT person_ref FROM identity.person") == [(member,)]
    assert cellar.fetch("SELECT field FROM archive.item WHERE subject = %s", claim) == [
        ("payment",)
    ]
