"""Claims: send them, send lots of them, read what became of them, take them back.

Everything here may be sent again: a claim is known by its content, and gets the reference it has.
Refuses to interpret a result: amounts and states are shown as they came.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from rempart.client.connection import Access
from rempart.client.problems import read_problem

CLAIMS: Final = "/v1/claims"
LOTS: Final = "/v1/lots"
# A lot is acknowledged once all of it is durable.
LOT_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim whose form was refused: its place in the request, from 1, and what to correct."""

    at: int
    findings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """The technical acknowledgement: `references` of the claims taken, by their place, from 1."""

    references: Mapping[int, str]
    refused: tuple[Refusal, ...]


class Claims:
    """The claims of one establishment.

    Args:
        access: Acts for somebody who works there.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def send(self, claims: Sequence[Mapping[str, Any]]) -> Received:
        """Send 1 to 200 claims, each as docs/reference/claims.md describes it.

        Raises:
            Problem: nothing is known of them: send them again.
        """
        response = self._access.request("POST", CLAIMS, json={"claims": list(claims)})
        document = _read(response, {httpx.codes.ACCEPTED}, also="accepted")
        return Received(
            references={one["at"]: one["claim"] for one in document["accepted"]},
            refused=tuple(
                Refusal(one["at"], tuple(one["findings"])) for one in document["refused"]
            ),
        )

    def send_lot(self, content: bytes, *, number: str = "") -> list[dict[str, Any]]:
        """Send a lot: a claim a line in JSON, or lines of 128 characters.

        Args:
            content: The file. One that begins with a brace is JSON.
            number: Your own number, for JSON; the other format has it.

        Returns:
            The lots of the file: reference, state, counts of claims taken and refused, findings.

        Raises:
            Problem: part of it may have been taken: send the same file again.
        """
        is_json = content.lstrip()[:1] == b"{"
        response = self._access.request(
            "POST",
            LOTS,
            content=content,
            params={"number": number} if number else None,
            headers={"Content-Type": "application/x-ndjson" if is_json else "text/plain"},
            timeout=LOT_TIMEOUT_S,
        )
        lots: list[dict[str, Any]] = _read(response, {httpx.codes.ACCEPTED}, also="lots")["lots"]
        return lots

    def read(self, reference: str) -> dict[str, Any]:
        """Read one claim: its state, amounts, lines and findings.

        Raises:
            Problem: there is none of that reference, or no answer.
        """
        return _read(self._access.request("GET", f"{CLAIMS}/{reference}"), {httpx.codes.OK})

    def list(self, **wish: str) -> Iterator[dict[str, Any]]:
        """Return claims in the order they came, page after page.

        Args:
            wish: `since`, `state`, `invoice`, `lot`, `after`.

        Raises:
            Problem: no answer; what was returned before holds.
        """
        while True:
            page = _read(self._access.request("GET", CLAIMS, params=wish), {httpx.codes.OK})
            yield from page["claims"]
            if page["next"] is None:
                return
            wish = {**wish, "after": page["next"]}

    def cancel(self, reference: str) -> None:
        """Take a claim back; what becomes of it is read with the claim.

        Raises:
            Problem: there is none of that reference, or no answer.
        """
        path = f"{CLAIMS}/{reference}/cancel"
        _read(self._access.request("POST", path), {httpx.codes.ACCEPTED})


def _read(response: httpx.Response, good: set[int], also: str = "") -> dict[str, Any]:
    """Return the body of an answer; `also` is the key of one that refuses everything (422)."""
    try:
        document = response.json()
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    if response.status_code in good or (also and also in document):
        return document
    raise read_problem(
        response.status_code,
        document,
        retry_after=response.headers.get("Retry-After", ""),
        idempotency_key="",
    )
