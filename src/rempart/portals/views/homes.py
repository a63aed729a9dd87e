"""The first page of each portal: who you are here, what you can do, and what is not there yet."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.visit import allows

Home = Callable[[HttpRequest], HttpResponseBase]


def _make_home(permission: Permission, template: str) -> Home:
    @require_safe
    @allows(permission)
    def show_home(request: HttpRequest) -> HttpResponse:
        return render(request, f"portals/homes/{template}.html")

    return show_home


professional_home = _make_home(Permission.ENTER_PROFESSIONAL_SPACE, "professional")
publisher_home = _make_home(Permission.ENTER_PUBLISHER_SPACE, "publisher")
