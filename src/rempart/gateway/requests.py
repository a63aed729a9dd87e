"""Reading a request and sending a reply, for the routes that are bare ASGI applications.

Refuses to read further than a bound.
"""

from litestar.types import HTTPScope, Receive, Send

from rempart.gateway.problems import Reply
from rempart.kernel.errors import BodyTooLarge


def list_headers(scope: HTTPScope, name: bytes) -> list[bytes]:
    """List every value of a header: one that may be given once must not be given twice."""
    return [value for given, value in scope["headers"] if given == name]


async def read_body(receive: Receive, announced: bytes | None, *, limit: int) -> bytes:
    """Read a body, and stop reading the moment it is too large.

    Args:
        receive: Where it comes from.
        announced: The Content-Length header.
        limit: How many bytes it may have.

    Raises:
        BodyTooLarge: it is, or says it will be.
    """
    if announced is not None and (len(announced) > 8 or int(announced) > limit):
        raise BodyTooLarge(f"a body has at most {limit} bytes")
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the caller hung up
            return b""
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(f"a body has at most {limit} bytes")
        if not message.get("more_body", False):
            return body


async def send_reply(reply: Reply, send: Send) -> None:
    """Send a reply in one piece; nothing that was sent here may be stored on the way."""
    headers = [
        (b"content-type", reply.content_type),
        (b"content-length", str(len(reply.body)).encode()),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
