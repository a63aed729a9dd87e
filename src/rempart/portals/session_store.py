"""Django's database sessions, with the key kept as a digest: a copy of the table opens nothing.

Who is signed in is not here but in accounts.session; this holds what a ceremony needs between two
requests, and the browser's cookie is the token of both.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.utils import timezone


def compute_token_digest(session_key: str) -> bytes:
    """Return what is stored of a session's key."""
    return hashlib.sha256(b"rempart session\0" + session_key.encode()).digest()


class SessionStore(DatabaseStore):
    """Reads and writes sessions by the digest of their key."""

    def _get_session_from_db(self) -> Any:
        # The parent looks for the key itself; ours is never in the table.
        if self.session_key is None:
            return None
        row = self.model.objects.filter(
            session_key=_format_digest(self.session_key), expire_date__gt=timezone.now()
        ).first()
        if row is None:
            self._session_key = None
        return row

    def take(self, name: str) -> Any:
        """Take a value out of the session, so that nobody takes it twice; None when not there.

        Of two requests at the same instant, the second waits for the first and finds nothing.
        """
        value = None
        with transaction.atomic():
            row = (
                self.model.objects.select_for_update()
                .filter(
                    session_key=_format_digest(self.session_key or ""),
                    expire_date__gt=timezone.now(),
                )
                .first()
            )
            if row is not None:
                data = self.decode(row.session_data)
                value = data.pop(name, None)
                row.session_data = self.encode(data)
                row.save(update_fields=["session_data"])
        # What this request saves at its end must not bring it back.
        self.pop(name, None)
        return value

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row of this session, under its digest."""
        self._get_or_create_session_key()  # type: ignore[attr-defined]
        row = super().create_model_instance(data)
        row.session_key = _format_digest(self.session_key or "")
        return row

    def exists(self, session_key: str) -> bool:
        """Say whether a key is in use."""
        return super().exists(_format_digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        """Forget a session."""
        key = session_key if session_key is not None else self.session_key
        if key is not None:
            super().delete(_format_digest(key))


def _format_digest(session_key: str) -> str:
    # Another digest than the token's: whoever reads this table knows no part of that one.
    return hashlib.sha256(b"rempart browser\0" + session_key.encode()).hexdigest()[:40]
