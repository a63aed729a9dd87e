"""What travels with a page: the policy that forbids the rest, cookies, static files."""

import re
from io import BytesIO
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import httpx
import pytest
from django.conf import settings
from tests.portals import samples

import rempart.portals
from rempart.gateway.openapi import build_openapi
from rempart.wiring.portals_app import make_application, make_django_settings

PORTALS = Path(rempart.portals.__file__).parent
POLICY = {
    "default-src 'none'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}
# What the policy refuses, in the page itself: a browser would drop it, silently for the reader.
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:src|href|action)=[\"']?(?:https?:)?//", re.IGNORECASE)


def visit(client, gateway) -> dict[str, str]:
    """Return many pages by address, of whatever this browser may see."""
    gateway.openapi = httpx.Response(200, json=build_openapi())
    pages = ["/", "/charte", "/docs/api", "/connexion", "/connexion/x", "/verifier", "/nowhere"]
    pages += ["/console", "/console/consultations", "/console/registre", "/console/incidents"]
    return {page: client.get(page).content.decode() for page in pages}


@pytest.mark.parametrize("page", ["/", "/verifier", "/nowhere", "/connexion/x", "/docs/api"])
def test_every_page_carries_the_whole_policy(professional, page):
    headers = professional.get(page).headers
    assert {part.strip() for part in headers["Content-Security-Policy"].split(";")} == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "camera=()" in headers["Permissions-Policy"]


def test_no_page_has_a_script_or_a_style_of_its_own_or_from_elsewhere(
    desk, professional, operator, gateway, press
):
    pages = visit(operator, gateway)
    pages |= {f"{page} (professional)": text for page, text in visit(professional, gateway).items()}
    for page, text in pages.items():
        assert not INLINE.search(text), page
        assert not ELSEWHERE.search(text), page


@pytest.mark.parametrize(
    "line",
    ["<p style='color:red'>", "<style>p{}</style>", "<a onclick=x()>", "<script>x()</script>"],
)
def test_the_rule_sees_what_it_forbids(line):
    assert INLINE.search(line)
    assert not INLINE.search('<script src="/static/x.js" defer></script>')
    assert ELSEWHERE.search('<script src="//cdn.invalid/x.js">')


def test_templates_never_mark_text_as_safe():
    for template in PORTALS.rglob("*.html"):
        text = template.read_text("utf-8")
        assert "|safe" not in text, template
        assert "autoescape off" not in text, template


def test_what_an_insurer_is_called_cannot_become_a_tag(desk, operator):
    samples.add_insurers(desk.database, ["<script>alert(1)</script>"])
    samples.add_log(desk.database, size=1)
    with desk.database.transaction("owner") as tx:
        samples.add_entry(tx, 0)
    for page in ("/console/consultations", "/console/consultations?assureur=1"):
        text = operator.get(page).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def call(path: str, **changes: object) -> tuple[str, dict[str, str], bytes]:
    """Ask the whole WSGI application, static files included."""
    told: dict[str, object] = {}

    def start(status, headers, exc_info=None):
        told.update(status=status, headers={k.lower(): v for k, v in headers})

    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), **changes}
    setup_testing_defaults(environ)
    answer = make_application()(environ, start)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return str(told["status"]), dict(told["headers"]), body  # type: ignore[call-overload]


def test_static_files_are_served_to_our_own_pages_only(desk):
    status, headers, body = call("/static/rempart.css")
    assert status.startswith("200")
    assert body.startswith(b"/* Rempart")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "max-age=2592000" in headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/../desk.py", "/static/%2e%2e/desk.py", "/static/vendor/"]
)
def test_nothing_but_static_files_is_served_from_there(desk, path):
    status, _, body = call(path)
    assert status.startswith("404")
    assert b"import" not in body


@pytest.mark.parametrize("path", ["/connexion", "/static/rempart.css", "/nowhere"])
def test_a_form_that_is_refused_unread_is_read_to_its_end(desk, path):
    """The server breaks a connection off otherwise, while the front still sends the form."""
    form = BytesIO(b"x" * 200_000)
    given = {"REQUEST_METHOD": "POST", "wsgi.input": form, "CONTENT_LENGTH": "200000"}
    status, _, _ = call(path, CONTENT_TYPE="image/jpeg", **given)
    assert status[0] == "4"
    assert form.read() == b""


def test_every_static_file_a_page_names_exists(browser, operator):
    for page in ("/", "/console/consultations"):
        text = operator.get(page).content.decode()
        for path in re.findall(r"/static/([^\"?]+)\?v=[0-9a-f]{12}", text):
            assert (PORTALS / "static" / path).is_file()
    assert "merlons.svg" in (PORTALS / "static" / "rempart.css").read_text("utf-8")
    assert (PORTALS / "static" / "merlons.svg").is_file()


def test_debug_is_off_and_pages_never_show_a_setting(desk):
    assert settings.DEBUG is False


def test_over_tls_no_neighbour_of_our_domain_can_plant_a_session(portals_database):
    plain = make_django_settings(portals_database, "a secret of the tests")
    safe = make_django_settings(portals_database, "a secret of the tests", over_tls=True)
    assert plain["SESSION_COOKIE_NAME"] == "rempart_session"
    for name in ("SESSION", "CSRF"):
        assert safe[f"{name}_COOKIE_NAME"].startswith("__Host-")
        assert safe[f"{name}_COOKIE_SECURE"] is True
        # The prefix needs the whole host and no domain: Django's defaults, which nothing changes.
        assert f"{name}_COOKIE_DOMAIN" not in safe
        assert f"{name}_COOKIE_PATH" not in safe
