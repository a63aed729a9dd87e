"""Call Rempart from a software: tokens bound to your key, rights checks, typed answers.

A publisher may copy this package: it needs httpx and joserfc, and nothing else of Rempart. It
refuses to keep an answer, to log, and to show a key or a token in a `repr`.
How to use it: docs/how-to/call-the-gateway.md.
"""

from rempart.client.answers import (
    Card,
    Closed,
    Engagement,
    Forfait,
    Open,
    Rate,
    Receipt,
    RightsAnswer,
    TicketModerateur,
    Typed,
)
from rempart.client.checkpoints import CheckpointStore, LedgerContradicted
from rempart.client.claims import Claims, Received, Refusal
from rempart.client.connection import Access, Rempart
from rempart.client.keys import SigningKey
from rempart.client.problems import (
    AccessRefused,
    AlreadyAsked,
    FieldError,
    NoAnswer,
    Problem,
    QuestionRefused,
    SlowDown,
    TokenRefused,
    Unavailable,
)

__all__ = [
    "Access",
    "AccessRefused",
    "AlreadyAsked",
    "Card",
    "CheckpointStore",
    "Claims",
    "Closed",
    "Engagement",
    "FieldError",
    "Forfait",
    "LedgerContradicted",
    "NoAnswer",
    "Open",
    "Problem",
    "QuestionRefused",
    "Rate",
    "Receipt",
    "Received",
    "Refusal",
    "Rempart",
    "RightsAnswer",
    "SigningKey",
    "SlowDown",
    "TicketModerateur",
    "TokenRefused",
    "Typed",
    "Unavailable",
]
