"""A provider tells us, server to server, that a session is over: back-channel logout.

Refuses a token that is not a logout token of that provider for us, and one that served already.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse

from rempart.portals.desk import get_desk
from rempart.portals.oidc import OidcClient
from rempart.portals.oidc_http import ProviderDown
from rempart.portals.oidc_tokens import ProviderNotBelieved
from rempart.portals.provider_ceremonies import get_now
from rempart.portals.visit import get_whence
from rempart.workflows.accounts.provider_logout import end_provider_sessions


def obey_logout(request: HttpRequest, client: OidcClient | None) -> HttpResponse:
    """End the sessions a logout token names; 400 with a reason when it is refused.

    Args:
        request: The provider's own request: no cookie, no browser.
        client: Our side of the provider this address is for.
    """
    if client is None:
        return _refuse("unknown provider")
    try:
        order = client.read_logout(request.POST.get("logout_token", ""), now=get_now())
    except ProviderNotBelieved as refused:
        return _refuse(refused.reason)
    except ProviderDown:
        return _refuse("your keys cannot be read", status=503)
    with get_desk().signin() as tx:
        ended = end_provider_sessions(
            tx,
            client.provider.name,
            sid=order.sid,
            subject=order.subject,
            jti=order.jti,
            whence=get_whence(request),
        )
    return _refuse("jti: used already") if ended is None else HttpResponse()


def _refuse(reason: str, *, status: int = 400) -> JsonResponse:
    return JsonResponse({"error": "invalid_request", "error_description": reason}, status=status)
