"""Answers that are the same for everybody, for ever or for seconds: caches may keep them.

Refuses to depend on who asks: no session, no language, no cookie.
"""

from django.http import HttpResponse


class PublishedFile(HttpResponse):
    """A file of the ledger. The middleware adds nothing to it that depends on a visitor.

    Any origin may read it: a monitor may be a page.
    """

    def __init__(self, content: bytes, *, content_type: str, status: int = 200) -> None:
        super().__init__(content, content_type=content_type, status=status)
        self.headers["Access-Control-Allow-Origin"] = "*"
        self.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
