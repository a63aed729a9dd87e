"""What the gateway knows before it answers anybody: what is cut, who is held, what needs presence.

Refuses to answer before it was read once; afterwards it keeps what it read last while the database
is away, because no check is answered without the database anyway.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from rempart.accounts.containment import Measure, MeasureStep, MeasureTarget, check_not_held
from rempart.accounts.session import Origin
from rempart.accounts.tokens import Bearer
from rempart.kernel.errors import Unavailable
from rempart.rights.cuts import RightsCut, find_cut
from rempart.rights.presence import OPEN, PresencePolicy, tighten
from rempart.storage.continuity import PostureRows

LoadPosture = Callable[[], Awaitable[PostureRows]]
# What a step asks of presence; the others ask nothing of it.
BOUNDS: Final[Mapping[str, PresencePolicy]] = MappingProxyType(
    {
        MeasureStep.NO_TYPED: PresencePolicy(required=True),
        MeasureStep.PRESENCE_ONLY: PresencePolicy(required=True, known_faces=False),
    }
)


class Held(NamedTuple):
    """How somebody who may ask is held.

    Attributes:
        slowed: Whether they ask one question in ten seconds.
        bound: What they may ask without presence, besides what a policy says.
    """

    slowed: bool
    bound: PresencePolicy


FREE: Final = Held(False, OPEN)
_Target = tuple[MeasureTarget, int | str | None]


class Posture:
    """The present posture; `refresh` reads it again.

    Args:
        rows: What is known at once; None: nothing is answered until it was read.
    """

    def __init__(self, rows: PostureRows | None = None) -> None:
        self._rows = rows
        self._by_account: dict[int | None, PresencePolicy] = {}
        self._by_establishment: dict[int | None, PresencePolicy] = {}
        self._for_everybody = OPEN
        self._by_insurer: dict[int, PresencePolicy] = {}
        self._measures: dict[_Target, list[Measure]] = {}
        if rows is not None:
            self.take(rows)

    @property
    def is_known(self) -> bool:
        """Whether it was read, so that questions can be answered."""
        return self._rows is not None

    def take(self, rows: PostureRows) -> None:
        """Take what was just read."""
        self._rows = rows
        self._by_account = {p.account_ref: p.policy for p in rows.policies if p.account_ref}
        self._by_establishment = {
            p.establishment_ref: p.policy for p in rows.policies if p.establishment_ref
        }
        alone = [p.policy for p in rows.policies if p.account_ref is p.establishment_ref is None]
        self._for_everybody = alone[0] if alone else OPEN
        self._by_insurer = {one.insurer_id: one.policy for one in rows.limits}
        measures: dict[_Target, list[Measure]] = {}
        for one in rows.measures:
            measures.setdefault((one.target, one.profession or one.target_ref), []).append(one)
        self._measures = measures

    async def refresh(self, load: LoadPosture) -> None:
        """Read it again.

        Raises:
            Unavailable: it cannot be read; what was known stays.
        """
        self.take(await load())

    def check_not_cut(self, origin: Origin, *, amc_number: str | None, now_ms: int) -> None:
        """Refuse a question that somebody cut, before anything is looked up.

        Args:
            origin: Who asks: the portal, or software.
            amc_number: The insurer that the question names, whether there is such a member or not.
            now_ms: The instant.

        Raises:
            RightsCut: it is cut.
            Unavailable: nobody knows yet.
        """
        if self._rows is None:
            raise Unavailable("what is cut is not known yet: come back")
        if not self._rows.cuts:
            return
        by_portal = origin.portal_session_ref is not None
        cut = find_cut(self._rows.cuts, by_portal=by_portal, amc_number=amc_number, now_ms=now_ms)
        if cut is not None:
            raise RightsCut(cut, now_ms=now_ms)

    def check_not_held(
        self, bearer: Bearer, *, profession: str | None, proved_ms: int, now_ms: int
    ) -> Held:
        """Refuse somebody whom a measure stops, before anything of the question is read.

        Args:
            bearer: Who asks.
            profession: Theirs; None when it is not known.
            proved_ms: When they last proved who they are.
            now_ms: The instant.

        Returns:
            How else they are held: the strictest of every measure that touches them.

        Raises:
            ChecksSuspended: an operator suspended them.
            SignInAgain: a fresh ceremony, or a new token, is needed first.
        """
        if not self._measures:
            return FREE
        places: tuple[_Target, ...] = (
            (MeasureTarget.ACCOUNT, bearer.account_ref),
            (MeasureTarget.ESTABLISHMENT, bearer.establishment_ref),
            (MeasureTarget.SOFTWARE, bearer.client_ref),
            (MeasureTarget.PROFESSION, profession),
        )
        mine = [one for place in places for one in self._measures.get(place, ())]
        if not mine:
            return FREE
        slowed = check_not_held(mine, proved_ms=proved_ms, now_ms=now_ms)
        bound = OPEN
        for one in mine:
            if one.lasts(now_ms) and one.step in BOUNDS:
                bound = tighten(bound, BOUNDS[one.step])
        return Held(slowed, bound)

    def find_insurer_cut(self, insurer_id: int, *, now_ms: int) -> RightsCut | None:
        """Return the refusal of a check about a member of an insurer, if it is cut."""
        if self._rows is None or not self._rows.cuts:
            return None
        mine = [cut for cut in self._rows.cuts if cut.insurer_id == insurer_id]
        cut = find_cut(mine, by_portal=False, insurer_id=insurer_id, now_ms=now_ms)
        return None if cut is None else RightsCut(cut, now_ms=now_ms)

    def find_policy(self, account_ref: int, establishment_ref: int | None) -> PresencePolicy:
        """Return what bounds an account: its own policy, its establishment's, or everybody's."""
        if not self._by_account and not self._by_establishment:
            return self._for_everybody
        return self._by_account.get(
            account_ref, self._by_establishment.get(establishment_ref, self._for_everybody)
        )

    def find_insurer_limit(self, insurer_id: int | None) -> PresencePolicy:
        """Return what an insurer bounds of what is asked about its members.

        Args:
            insurer_id: The insurer that a question names, whether there is such a member or not;
                None when it names none.
        """
        return OPEN if insurer_id is None else self._by_insurer.get(insurer_id, OPEN)


def make_open_posture() -> Posture:
    """Return a posture with nothing cut and nothing bounded."""
    return Posture(PostureRows((), ()))
