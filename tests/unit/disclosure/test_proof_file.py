"""A proof as text: what it opens for whom, and that nothing of it can be changed unnoticed."""

import base64
import json

import pytest
from tests.unit.disclosure.proofs import FACTS, SIGNER, WITNESS, SmallLog, make_entry

from rempart.disclosure.acts import About, LedgerRead, draft_act
from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.entry import compute_leaf_hash
from rempart.disclosure.evidence import EntryProved, Trust, judge_entry, judge_history
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.opening import (
    Audience,
    Opening,
    OpeningRefused,
    compute_opened_leaf_hash,
    decode_opening,
    encode_opening,
    make_opening,
)
from rempart.disclosure.proof_file import (
    Disagreement,
    EvidenceRefused,
    format_proof,
    parse_proof,
)

TRUST = Trust([SIGNER.verifier], [WITNESS.verifier], quorum=1)
LOG = SmallLog()


@pytest.mark.parametrize("audience", Audience)
def test_what_is_opened_leads_to_the_leaf_and_the_rest_stays_closed(audience):
    entry = LOG.entries[4]
    opening = make_opening(entry, audience)
    assert opening.audience is audience
    assert compute_opened_leaf_hash(opening) == compute_leaf_hash(entry)
    assert decode_opening(encode_opening(opening)) == opening
    said = encode_opening(opening).decode()
    assert (str(entry.person_ref) in said) == (audience is not Audience.MEMBER)
    assert ("account_ref" in said) == (audience is not Audience.INSURER)
    assert entry.salt.hex() not in said


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("index", range(11))
def test_every_entry_is_proved_to_everybody_who_may_see_it(index, audience):
    proved = judge_entry(LOG.prove(index, audience), TRUST)
    assert proved.idx == index
    assert proved.opening.t_ms == LOG.entries[index].t_ms
    assert proved.endorsed.checkpoint.size == 11
    assert [one.witness for one in proved.endorsed.cosignatures] == [WITNESS.verifier.name]
    assert proved.endorsed.unchecked == 0


def test_the_text_is_that_of_c2sp():
    lines = LOG.prove(4).split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2] == "index 4"
    assert all(len(base64.b64decode(line)) == 32 for line in lines[3:7])
    assert lines[7] == ""
    assert lines[8:10] == [SIGNER.name, "11"]


def test_a_session_s_facts_are_shown_to_authorities_only_and_are_committed_to():
    for audience in Audience:
        opening = LOG.open(3, audience)
        assert (opening.session == FACTS) == (audience is Audience.AUTHORITY)
    opening = LOG.open(3, Audience.AUTHORITY)
    other = opening._replace(session=FACTS._replace(address="192.0.2.8"))
    with pytest.raises(OpeningRefused, match="the session is not the one"):
        compute_opened_leaf_hash(other)
    with pytest.raises(OpeningRefused, match="only an opened SESSION"):
        compute_opened_leaf_hash(LOG.open(4, Audience.AUTHORITY)._replace(session=FACTS))


def test_a_statement_is_shown_where_it_can_be_checked_and_is_committed_to():
    act = LedgerRead(
        question="who-saw",
        purpose="access",
        from_ms=0,
        to_ms=9,
        about=About(kind="persons", count=1),
    )
    draft, statement = draft_act(act, account_ref=1, session_ref=2, request_id=bytes(16))
    entry = make_entry(0, **draft._asdict())
    for audience in (Audience.INSURER, Audience.AUTHORITY):
        opening = make_opening(entry, audience, statement=statement.body)
        assert opening.statement == statement.body
        assert compute_opened_leaf_hash(opening) == compute_leaf_hash(entry)
        changed = opening._replace(statement=statement.body.replace("access", "accesz"))
        with pytest.raises(OpeningRefused, match="the statement is not the one"):
            compute_opened_leaf_hash(changed)
    member = make_opening(entry, Audience.MEMBER, statement=statement.body)
    assert member.statement is None
    with pytest.raises(OpeningRefused, match="the groups are closed"):
        compute_opened_leaf_hash(member._replace(statement=statement.body))


def claim(proved: EntryProved) -> tuple[object, ...]:
    """What is claimed to have been proved."""
    endorsed = proved.endorsed
    key = endorsed.key.vkey if endorsed.key else None
    return (proved.opening, proved.idx, endorsed.checkpoint, key, endorsed.cosignatures)


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("index", [0, 3, 4, 10])
def test_every_byte_of_the_file_that_is_changed_is_noticed(index, audience):
    content = LOG.prove(index, audience).encode()
    for place, byte in enumerate(content):
        for mask in (0x01, 0x20, 0x80):
            mutant = content[:place] + bytes([byte ^ mask]) + content[place + 1 :]
            with pytest.raises((EvidenceRefused, UnicodeDecodeError)):
                judge_entry(mutant.decode(), TRUST)


def test_what_nobody_vouches_for_may_change_and_claims_nothing():
    """Without the witness's key its line is not part of the claim: nothing else may change."""
    text = LOG.prove(4)
    content, trust = text.encode(), Trust([SIGNER.verifier])
    line = content.index(f"— {WITNESS.verifier.name}".encode())
    before, passed = claim(judge_entry(text, trust)), 0
    for place, byte in enumerate(content):
        mutant = content[:place] + bytes([byte ^ 1]) + content[place + 1 :]
        try:
            assert claim(judge_entry(mutant.decode(), trust)) == before
        except (EvidenceRefused, UnicodeDecodeError):
            continue
        assert place >= line
        passed += 1
    assert passed > 50


@pytest.mark.parametrize("old", range(1, 11))
def test_every_byte_of_a_consistency_proof_that_is_changed_is_noticed(old):
    content = LOG.prove_growth(old, 11).encode()
    proved = judge_history(content.decode(), TRUST)
    assert (proved.old.checkpoint.size, proved.new.checkpoint.size) == (old, 11)
    for place, byte in enumerate(content):
        mutant = content[:place] + bytes([byte ^ 1]) + content[place + 1 :]
        with pytest.raises((EvidenceRefused, UnicodeDecodeError)):
            judge_history(mutant.decode(), TRUST)


def test_cut_short_or_longer_it_is_refused():
    for text in (LOG.prove(4), LOG.prove_growth(4, 11)):
        judge = judge_entry if "tlog-proof" in text else judge_history
        for end in range(len(text)):
            with pytest.raises(EvidenceRefused):
                judge(text[:end], TRUST)
        for more in ("\n", " ", text):
            with pytest.raises(EvidenceRefused):
                judge(text + more, TRUST)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: t.replace("index 4", "index 5"), Disagreement.PLACE),
        (lambda t: t.replace("index 4", "index 04"), Disagreement.TEXT),
        (lambda t: t.replace("index 4", "index 99"), Disagreement.PLACE),
        (lambda t: t.replace("\n11\n", "\n12\n"), Disagreement.SIGNATURE),
        (lambda t: t.replace("\n11\n", "\n011\n"), Disagreement.NOTE),
        (lambda t: t.replace("log/1", "log/2"), Disagreement.LOG),
        (lambda t: t.replace("\n", "\r\n"), Disagreement.TEXT),
        (lambda t: t[: t.index("— temoin")], Disagreement.QUORUM),
        (lambda t: t.replace("extra e", "extra  e"), Disagreement.OPENING),
        (lambda t: "", Disagreement.TEXT),
    ],
)
def test_a_refusal_says_what_disagrees(change, what):
    with pytest.raises(EvidenceRefused) as refusal:
        judge_entry(change(LOG.prove(4)), TRUST)
    assert refusal.value.what is what


def reopen(text: str, change) -> str:
    """Change what a proof opens, and write it as this program would."""
    proof = parse_proof(text)
    said = json.loads(encode_opening(proof.opening))
    change(said)
    extra = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    encoded = base64.b64encode(extra.encode()).decode()
    return "\n".join([text.split("\n")[0], f"extra {encoded}", *text.split("\n")[2:]])


def list_changes() -> list[tuple[str, ...]]:
    said = json.loads(encode_opening(LOG.open(4, Audience.AUTHORITY)))
    whole = [(name,) for name in ("kind", "t_ms", "v")]
    return whole + [(g, name) for g in ("who", "whom", "what") for name in said[g]]


@pytest.mark.parametrize("path", list_changes(), ids=".".join)
def test_no_opened_value_can_be_another(path):
    def change(said):
        *groups, name = path
        for group in groups:
            said = said[group]
        value = said[name]
        said[name] = value + 1 if isinstance(value, int) else "00" + value[2:]
        if said[name] == value:
            said[name] = "11" + value[2:]

    with pytest.raises(EvidenceRefused):
        judge_entry(reopen(LOG.prove(4, Audience.AUTHORITY), change), TRUST)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(kind=True),
        lambda said: said.update(kind=1.0),
        lambda said: said.update(kind=-1),
        lambda said: said.update(more=1),
        lambda said: said.pop("whom"),
        lambda said: said.update(who="00"),
        lambda said: said.update(who=None),
        lambda said: said["who"].update(account_ref=1 << 70),
        lambda said: said["who"].update(salt="zz" * 16),
        lambda said: said.update(who="00" * 32, what="00" * 32),
        lambda said: said.update(statement="{}"),
    ],
)
def test_an_opening_of_another_shape_is_refused(change):
    with pytest.raises(EvidenceRefused):
        judge_entry(reopen(LOG.prove(4, Audience.AUTHORITY), change), TRUST)


def test_the_size_comes_from_the_signed_note_only():
    longer = SmallLog(12)
    text = LOG.prove(4)
    head = text.partition("\n\n")[0]
    with pytest.raises(EvidenceRefused) as refusal:
        judge_entry(f"{head}\n\n{longer.note()}", TRUST)
    assert refusal.value.what is Disagreement.PLACE


def test_a_key_of_another_log_of_the_same_name_does_not_do():
    forger = NoteSigner(SIGNER.name, bytes(32))
    with pytest.raises(EvidenceRefused) as refusal:
        judge_entry(LOG.prove(4), Trust([forger.verifier]))
    assert refusal.value.what is Disagreement.SIGNATURE
    # One of several keys is enough: a log may change its key.
    assert judge_entry(LOG.prove(4), Trust([forger.verifier, SIGNER.verifier])).endorsed.key


def test_a_witness_counts_once_under_two_names():
    same = Cosigner("temoin.invalid/deux", bytes(range(1, 33)))
    note = LOG.prove(4)
    text = note.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
    twice = note + same.cosign(text, time_s=1_700_000_100)
    witnesses = [WITNESS.verifier, same.verifier]
    with pytest.raises(EvidenceRefused) as refusal:
        judge_entry(twice, Trust([SIGNER.verifier], witnesses, quorum=2))
    assert refusal.value.what is Disagreement.QUORUM


def test_without_a_key_nothing_is_said_to_be_signed():
    proved = judge_entry(LOG.prove(4), Trust())
    assert proved.endorsed.key is None
    assert proved.endorsed.unchecked == 2


def test_an_opening_of_a_member_tells_nothing_by_which_the_person_is_found():
    opening = LOG.open(4)
    assert isinstance(opening, Opening)
    assert isinstance(opening.whom, bytes)
    assert format_proof(parse_proof(LOG.prove(4))) == LOG.prove(4)
