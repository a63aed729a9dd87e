"""The families of refusals and failures, each with a stable public code.

Refuses to carry identity: a message names what is wrong and what to do, never a person.
"""

from typing import ClassVar


class RempartError(Exception):
    """Root of every expected refusal or failure.

    `code` is stable and public; `status` is the HTTP status of its problem document.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500


class AccessDenied(RempartError):
    """The caller is not known, or may not do this."""

    code = "access_denied"
    status = 401


class NotAllowed(RempartError):
    """The caller is known and their role does not allow this."""

    code = "not_allowed"
    status = 403


class StepUpNeeded(NotAllowed):
    """The caller may do this once they have just proved again who they are."""

    code = "step_up_needed"


class NotFound(RempartError):
    """The thing named does not exist for this caller."""

    code = "not_found"
    status = 404


class Conflict(RempartError):
    """The request contradicts something already recorded."""

    code = "conflict"
    status = 409


class InvalidRequest(RempartError):
    """The request is understood but cannot be true; `fields` says where.

    Args:
        message: What is wrong, without any value that identifies a person.
        fields: Pairs (path of the field, what to do), in document order.
    """

    code = "invalid_request"
    status = 422

    def __init__(self, message: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class MalformedRequest(InvalidRequest):
    """The bytes are not the format announced."""

    code = "malformed_request"
    status = 400


class BodyTooLarge(RempartError):
    """The body passes the limit; nothing of it was read further."""

    code = "body_too_large"
    status = 413


class UnsupportedMediaType(RempartError):
    """The body is announced in a format this door does not read."""

    code = "unsupported_media_type"
    status = 415


class TooManyRequests(RempartError):
    """The caller passed its allowance; `retry_after_s` says when to come back."""

    code = "too_many_requests"
    status = 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(RempartError):
    """A part the answer depends on is down; `retry_after_s` says when to come back."""

    code = "unavailable"
    status = 503

    def __init__(self, message: str, *, retry_after_s: int = 2) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LedgerUnavailable(Unavailable):
    """The ledger cannot record, so nothing is answered."""

    code = "ledger_unavailable"


class LedgerFenced(RempartError):
    """Another writer took this log over: this one must stop and never retry."""

    code = "ledger_fenced"


class InconsistentRecord(RempartError):
    """Stored facts contradict each other; an operator must look."""

    code = "inconsistent_record"


class FeedRefused(RempartError):
    """A feed cannot be applied at all: nothing was changed."""

    code = "feed_refused"


class SetupError(RempartError):
    """The installation lacks something; the message says what to install or set."""

    code = "setup_error"
