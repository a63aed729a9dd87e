"""Icons, addresses of static files, and figures the way people read them."""

import functools
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from django import template
from django.forms import BoundField, CheckboxInput
from django.template import Context
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from rempart.accounts.permissions import Permission, can
from rempart.accounts.roles import Role
from rempart.accounts.visitor import Visitor
from rempart.kernel.money import format_euros
from rempart.portals.landing import find_home
from rempart.portals.pseudonyms import format_account, format_session
from rempart.portals.times import in_paris
from rempart.portals.wording import ROLES, Words

register = template.Library()

_BACKTICKS: Final = re.compile(r"`([^`]+)`")
STATIC: Final = Path(__file__).parent.parent / "static"

# Drawn for Rempart on a 24-unit grid, stroked with the colour of the text beside them.
_ICONS: Final[Mapping[str, str]] = {
    "check": '<path d="M4 12.5l5.5 5.5L20 7"/>',
    "check-circle": '<circle cx="12" cy="12" r="10"/><path d="M7 12.5l3.5 3.5L17 9"/>',
    "cross-circle": '<circle cx="12" cy="12" r="10"/><path d="M8.5 8.5l7 7m0-7l-7 7"/>',
    "alert": '<path d="M12 3L2 20.5h20zM12 10v4.5m0 3v.1"/>',
    "info": '<circle cx="12" cy="12" r="10"/><path d="M12 11v6m0-9.6v.1"/>',
    "card": '<rect x="2" y="5" width="20" height="14" rx="2"/><path d="M2 10h20M6 15h5"/>',
    "keyboard": (
        '<rect x="2" y="6" width="20" height="12" rx="2"/>'
        '<path d="M6 10h.1m3.9 0h.1m3.9 0h.1m3.9 0h.1M8 14h8"/>'
    ),
    "copy": '<rect x="8" y="8" width="13" height="13" rx="2"/><path d="M16 8V3H3v13h5"/>',
    "print": '<path d="M7 9V3h10v6M7 17H3V9h18v8h-4M7 14h10v7H7z"/>',
    "globe": (
        '<circle cx="12" cy="12" r="10"/>'
        '<path d="M2 12h20M12 2c3 3 4 6.5 4 10s-1 7-4 10c-3-3-4-6.5-4-10s1-7 4-10"/>'
    ),
    "key": '<circle cx="7.5" cy="15.5" r="4.5"/><path d="M11 12L21 2m-5 5l3 3m-5-1l2 2"/>',
    "leave": '<path d="M10 4H4v16h6M15 8l5 4-5 4m5-4H9"/>',
    "download": '<path d="M12 3v12m-5-5l5 5 5-5M4 20h16"/>',
    "pause": '<path d="M8 5v14m8-14v14"/>',
    "play": '<path d="M7 4l13 8-13 8z"/>',
    "ledger": '<path d="M5 3h14v18H5zM9 3v18m3-13h4m-4 4h4"/>',
    "up": '<path d="M12 19V5m-6 6l6-6 6 6"/>',
    "down": '<path d="M12 5v14m-6-6l6 6 6-6"/>',
    "clock": '<circle cx="12" cy="12" r="10"/><path d="M12 6v6.5l4 2"/>',
    "minus": '<path d="M5 12h14"/>',
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon; the words beside it say what it means, so it is hidden from screen readers."""
    drawing = mark_safe(_ICONS[name])  # noqa: S308 - a constant of this module
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{}</svg>',
        drawing,
    )


@register.simple_tag
def asset(path: str) -> str:
    """Return the address of a static file, which changes when the file does."""
    return f"/static/{path}?v={_digest(path)}"


@register.filter
def number(value: float) -> str:
    """Write a whole number with the thousands apart, in the page's language."""
    grouped = f"{value:,.0f}"
    return grouped if _is_english() else grouped.replace(",", "\u202f")


@register.filter
def decimal(value: float, places: int = 1) -> str:
    """Write a number with `places` decimals, in the page's language."""
    text = f"{value:,.{places}f}"
    return text if _is_english() else text.replace(",", "\u202f").replace(".", ",")


@register.filter
def percent(value: float) -> str:
    """Write a ratio as a percentage; 1 is 100 %, and only exactly 1 is."""
    shown = min(value * 100, 99.9) if value < 1 else 100.0
    text = f"{shown:.1f}".removesuffix(".0")
    return f"{text}%" if _is_english() else f"{text.replace('.', ',')}\u202f%"


@register.filter
def euros(cents: int | None) -> str:
    """Write cents as an amount, in the page's language; a dash for none."""
    return "–" if cents is None else format_euros(cents, "en" if _is_english() else "fr")


@register.filter
def instant(t_ms: int) -> datetime:
    """Turn Unix milliseconds into a time that the date filter writes in Paris time."""
    return in_paris(t_ms)


@register.filter
def duration(minutes: float) -> str:
    """Write a duration given in minutes, in seconds when it is short."""
    seconds = round(minutes * 60)
    if seconds < 120:
        return f"{seconds or '< 1'}\u202fs"
    return f"{minutes:.0f}\u202fmin"


@register.filter
def hexadecimal(value: bytes) -> str:
    """Write bytes in hexadecimal."""
    return bytes(value).hex()


@register.filter
def inline_code(text: str) -> SafeString:
    """Show what stands between backticks as code; everything is escaped first."""
    return mark_safe(_BACKTICKS.sub(r"<code>\1</code>", escape(text)))  # noqa: S308


@register.filter
def account(ref: int) -> str:
    """Write an account's pseudonym."""
    return format_account(ref)


@register.filter
def session(ref: int) -> str:
    """Write a session's pseudonym."""
    return format_session(ref)


@register.inclusion_tag("portals/parts/field.html")
def field(bound: BoundField, *, css: str = "", focus: bool = False) -> dict[str, object]:
    """Draw one field: label, hint, control, errors, tied together for screen readers.

    Args:
        bound: The field of a form.
        css: Classes of the block.
        focus: Whether the keyboard (or a scanner) starts here when no field is wrong.
    """
    described = [f"{bound.id_for_label}_hint"] if bound.help_text else []
    attributes: dict[str, str | bool] = {}
    if bound.errors:
        described.append(f"{bound.id_for_label}_error")
        attributes["aria-invalid"] = "true"
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.name == _choose_focus(bound) if bound.form.errors else focus:
        attributes["autofocus"] = True
    if bound.field.required:
        attributes["aria-required"] = "true"
    return {
        "field": bound,
        "css": css,
        "control": bound.as_widget(attrs=attributes),
        "is_box": isinstance(bound.field.widget, CheckboxInput),
    }


@register.simple_tag(takes_context=True)
def replace_query(context: Context, **changes: object) -> str:
    """Return this page's query string with some parameters changed; None removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


def _choose_focus(bound: BoundField) -> str | None:
    """Return the first field that is wrong, in the order of the form."""
    return next((name for name in bound.form.fields if name in bound.form.errors), None)


@functools.cache
def _digest(path: str) -> str:
    # A template's literal is a SafeString, which pathlib does not join.
    return hashlib.sha256(Path(f"{STATIC}/{path}").read_bytes()).hexdigest()[:12]


def _is_english() -> bool:
    return (get_language() or "fr").startswith("en")


@register.filter
def role_name(role: Role) -> Words:
    """Say what a role is called."""
    return ROLES[role]


@register.filter
def may(visitor: Visitor, permission: str) -> bool:
    """Say whether a visitor's role opens something, a fresh confirmation apart."""
    return can(visitor, Permission(permission), now=visitor.opened_at)


@register.filter
def home_route(role: Role) -> str:
    """Return the route of the first page of a role."""
    return find_home(role)
