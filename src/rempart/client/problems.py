"""What can go wrong, one class for each thing a program does about it.

Read `code`, which is stable, never the sentence. Refuses to hold a request: what was asked is not
in the exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be true, by its path in the request."""

    field: str
    message: str


class Problem(Exception):
    """No answer was given.

    Args:
        detail: A sentence for people, without any value that identifies somebody.
        code: The stable name of the problem.
        status: HTTP status, 0 when no answer came.
        errors: The fields to correct.
        retry_after_s: When to come back, in seconds; 0 when that would not help.
        idempotency_key: The name of the question: asked again under it, it is the same question.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "error",
        status: int = 0,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int = 0,
        idempotency_key: str = "",
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.idempotency_key = idempotency_key


class QuestionRefused(Problem):
    """The question cannot be true: show `errors`, correct, and ask anew. Nothing was looked up."""


class AlreadyAsked(Problem):
    """The idempotency key was used for another question: take a new one."""


class AccessRefused(Problem):
    """Neither the token nor a new one opens anything: the person signs in again, or is stopped."""


class SlowDown(Problem):
    """Too many questions: send the same one again after `retry_after_s` seconds."""


class Unavailable(Problem):
    """No answer now: send the same question again after `retry_after_s`, under the same key."""


class NoAnswer(Problem):
    """The network broke. The question may have arrived: send it again under the same key."""


class TokenRefused(Problem):
    """The token endpoint gives no token; `code` is the `error` of OAuth.

    `invalid_grant`: the person must sign in at Pro Santé Connect again. `invalid_client`: the
    software's key or registration. `temporarily_unavailable`: later.
    """


_DEFAULT_RETRY_S = 5


def read_problem(
    status: int, document: Mapping[str, Any], *, retry_after: str, idempotency_key: str
) -> Problem:
    """Turn a problem document (RFC 9457) into the exception that tells what to do."""
    kind: type[Problem] = {401: AccessRefused, 403: AccessRefused, 409: AlreadyAsked}.get(
        status, QuestionRefused
    )
    wait_s = 0
    if status == 429 or status >= 500:
        kind = SlowDown if status == 429 else Unavailable
        wait_s = int(retry_after) if retry_after.isdecimal() else _DEFAULT_RETRY_S
    errors = document.get("errors") or ()
    return kind(
        str(document.get("detail") or document.get("title") or f"HTTP {status}"),
        code=str(document.get("code", "error")),
        status=status,
        errors=tuple(
            FieldError(str(one.get("field", "")), str(one.get("message", "")))
            for one in errors
            if isinstance(one, dict)
        ),
        retry_after_s=wait_s,
        idempotency_key=idempotency_key,
    )
