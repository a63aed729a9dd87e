"""Who a simulated provider knows: files as they come."""

import pytest

from rempart.kernel.errors import SetupError
from rempart.kernel.synthetic import make_synthetic_finess, make_synthetic_rpps
from rempart.simulators.app import list_agents, list_professionals
from rempart.simulators.people import Directory, load_agents, load_professionals

HEADER = "rpps;profession;family_name;first_name;finess;siret;establishment;postcode;city;iban"
RPPS = make_synthetic_rpps(4).number
FINESS = make_synthetic_finess(4).number


def write(tmp_path, *rows, header=HEADER):
    file = tmp_path / "people.csv"
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    return file


def test_two_rows_of_one_number_are_two_places_of_one_person(tmp_path):
    file = write(
        tmp_path,
        f"{RPPS};pharmacy;VASSEUR;Claire;{FINESS};1;Pharmacie;75009;Paris;;",
        f"{RPPS};pharmacy;VASSEUR;Claire;;2;Hôpital;75020;Paris;;S",
        header=f"{HEADER};mode",
    )
    [person] = load_professionals(file)
    assert person.hint == f"8{RPPS}"
    assert [(one.name, one.mode) for one in person.activities] == [
        ("Pharmacie", "L"),
        ("Hôpital", "S"),
    ]


def test_a_hospital_employs(tmp_path):
    [person] = load_professionals(write(tmp_path, f"{RPPS};hospital;A;B;;1;Clinique;75;P;"))
    assert person.activities[0].mode == "S"


def test_people_are_found_by_every_word(tmp_path):
    people = Directory(list_professionals(None))
    assert [one.family_name for one in people.search("claire simulateur", limit=9)] == ["VASSEUR"]
    assert len(people.search("", limit=2)) == 2
    assert people.search("personne", limit=9) == []


@pytest.mark.parametrize("content", ["", "a;b\n1;2\n", "\udcff"])
def test_a_file_that_is_not_one_is_refused(tmp_path, content):
    file = tmp_path / "x.csv"
    file.write_bytes(content.encode("utf-8", "surrogateescape") or b"rpps;x\n1;2")
    with pytest.raises(SetupError, match="not a file of professionals"):
        load_professionals(file)
    with pytest.raises(SetupError):
        load_professionals(tmp_path / "nowhere")


def test_agents_come_from_a_file_or_are_invented(tmp_path):
    file = tmp_path / "agents.toml"
    file.write_text('[[agent]]\nsub = "a1"\nname = "Sacha Martin"\n', encoding="utf-8")
    [agent] = list_agents(file)
    assert (agent.subject, agent.hint, agent.name) == ("a1", "a1", "Sacha Martin")
    assert len(list_agents(None)) == 3
    for wrong in ("", "[[agent]]\nsub = 'x'\n", "x = [", "agent = 3"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(SetupError, match="not a file of agents"):
            load_agents(file)
