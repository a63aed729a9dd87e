"""A small log in memory, and the proofs of its entries."""

from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.consistency_file import format_consistency
from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.entry import Entry, Kind, compute_leaf_hash
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.opening import Audience, Opening, make_opening
from rempart.disclosure.proof import make_node_reader, prove_consistency, prove_inclusion
from rempart.disclosure.proof_file import ProofFile, format_proof
from rempart.disclosure.session import SessionFacts, draft_session
from rempart.disclosure.tree import compute_root

SIGNER = NoteSigner("rempart.invalid/00000000/log/1", bytes(range(32)))
WITNESS = Cosigner("temoin.invalid/un", bytes(range(1, 33)))
FACTS = SessionFacts(7, 5, 3, 1_700_000_000_000, "psc+dpop", "192.0.2.7", "Officine é/1")


def make_entry(index: int = 0, **changes: object) -> Entry:
    entry = Entry(
        log_id=1,
        idx=index,
        kind=Kind.DISCLOSE,
        t_ms=1_700_000_000_000 + index,
        salt=bytes([index % 256] * 16),
        account_ref=5,
        session_ref=7,
        acct_seq=index + 1,
        person_ref=-9,
        insurer_id=2,
        ins_seq=index + 1,
        lookup_key=bytes(range(16)),
        purpose=1,
        mode=1,
        domain=1,
        care_day=19_675,
        outcome=1,
        fields=29,
        schema_version=1,
        data_version=12,
        request_id=bytes(range(16, 32)),
    )
    return entry._replace(**changes)


def make_session_entry(index: int) -> Entry:
    draft = draft_session(FACTS, request_id=bytes(16))
    return make_entry(index, **draft._asdict())


class SmallLog:
    """Entries, their tree, and checkpoints signed by the log and one witness."""

    def __init__(self, size: int = 11) -> None:
        self.entries = [make_entry(index) for index in range(size)]
        self.entries[3] = make_session_entry(3)
        self.hashes = [compute_leaf_hash(entry) for entry in self.entries]

    def note(self, size: int | None = None, *, witnessed: bool = True) -> str:
        """The signed checkpoint of a size."""
        count = len(self.hashes) if size is None else size
        checkpoint = Checkpoint(SIGNER.name, count, compute_root(self.hashes[:count]))
        note = sign_checkpoint(SIGNER, checkpoint)
        text = note.rpartition("\n\n")[0] + "\n"
        if not witnessed:
            return note
        return note + WITNESS.cosign(text, time_s=1_700_000_100)

    def open(self, index: int, audience: Audience = Audience.MEMBER) -> Opening:
        """An entry opened for somebody."""
        entry = self.entries[index]
        facts = FACTS if entry.kind == Kind.SESSION else None
        return make_opening(entry, audience, session=facts)

    def prove(self, index: int, audience: Audience = Audience.MEMBER) -> str:
        """The proof of an entry."""
        size = len(self.hashes)
        hashes = prove_inclusion(index, size, make_node_reader(size, self.read_tile))
        proof = ProofFile(self.open(index, audience), index, tuple(hashes), self.note())
        return format_proof(proof)

    def prove_growth(self, old: int, new: int) -> str:
        """The proof that the log only grew."""
        hashes = prove_consistency(old, new, make_node_reader(new, self.read_tile))
        before = self.note(old, witnessed=False)
        return format_consistency(hashes, old_size=old, new=self.note(new), old=before)

    def read_tile(self, level: int, n: int) -> bytes:
        assert (level, n) == (0, 0)
        return b"".join(self.hashes)
