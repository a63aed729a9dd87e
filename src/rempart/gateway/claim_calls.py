"""A request about claims that may be answered, and the formats they come in."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from litestar.types import HTTPScope, Receive

from rempart.accounts.session import Origin
from rempart.gateway.problems import InvalidQuestion
from rempart.gateway.questions import SHAPE, UNKNOWN
from rempart.kernel.errors import UnsupportedMediaType
from rempart.workflows.claims.take_claims import Sender

JSON: Final = b"application/json"
JSON_LINES: Final = b"application/x-ndjson"
TEXT: Final = b"text/plain"
FHIR: Final = b"application/fhir+json"
YEARS: Final = range(1901, 2200)
"""Those a database and every zone know."""


class Call(NamedTuple):
    """Who asks, for which place, and what they send."""

    scope: HTTPScope
    headers: dict[bytes, bytes]
    receive: Receive
    origin: Origin
    establishment_ref: int
    now_ms: int

    def make_sender(self, channel: str) -> Sender:
        """Say who sends, in which format."""
        origin = self.origin
        return Sender(self.establishment_ref, origin.account_ref, origin.client_ref, channel)


def check_media_type(headers: dict[bytes, bytes], accepted: Collection[bytes]) -> bytes:
    """Return the format a body is announced in.

    Raises:
        UnsupportedMediaType: it is none of those accepted, or compressed.
    """
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type not in accepted or b"content-encoding" in headers:
        names = b", ".join(sorted(accepted)).decode()
        raise UnsupportedMediaType(f"send {names}, not compressed")
    return media_type


def read_query(query: bytes, names: Collection[str]) -> dict[str, str]:
    """Read the parameters of an address.

    Raises:
        InvalidQuestion: they cannot be read, or one has another name or is given twice.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise InvalidQuestion([("query", SHAPE)]) from None
    given = dict(pairs)
    if len(given) < len(pairs) or not set(given) <= set(names):
        raise InvalidQuestion([("query", UNKNOWN)])
    return given


def read_instant(text: str) -> datetime:
    """Read an instant with its zone (RFC 3339), of a year that a database knows everywhere.

    Raises:
        ValueError: it is none.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or instant.year not in YEARS:
        raise ValueError("an instant has a zone, and a year people live in")
    return instant.astimezone(UTC)
