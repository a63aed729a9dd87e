"""The visitor: who a live session says is asking, in which role, for which organisation.

Refuses to exist without a live session: the database made it from one (accounts.enter_session).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rempart.accounts.roles import ActorKind, OrganisationKind, Role

SignInMethod = Literal["psc", "passkey", "oidc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody signed in.

    `org_ref` is None for a member, who acts for themselves; `person_ref` is set for a member only.
    `accountable_ref` is the professional who answers for a locum or an assistant. `is_host` is true
    for agents of the operator that runs this installation: only they see across insurers.
    `is_bound`: the browser proved the key of its device a few minutes ago.
    """

    session_ref: int
    actor_ref: int
    actor_kind: ActorKind
    display_name: str
    role: Role
    org_ref: int | None
    org_name: str
    org_kind: OrganisationKind | None
    insurer_id: int | None
    establishment_ref: int | None
    person_ref: int | None
    accountable_ref: int | None
    membership_ref: int | None
    method: SignInMethod
    is_host: bool
    opened_at: datetime
    expires_at: datetime
    idle_limit: timedelta
    stepped_up_at: datetime | None
    is_bound: bool = False

    def __repr__(self) -> str:
        return f"<Visitor {self.role} session {self.session_ref}>"
