"""What a browser calls itself, in words its owner recognises.

Refuses to guess: an agent it does not know keeps its own words, cut short.
"""

import re
from typing import Final

from django.utils.translation import gettext

# The first that is found names the browser: each of these also claims to be those after it.
_BROWSERS: Final = (
    (re.compile(r"\bEdg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"\b(?:OPR|Opera)/"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\b(?:Firefox|FxiOS)[/ ]"), "Firefox"),
    (re.compile(r"\b(?:HeadlessChrome|Chrome|Chromium|CriOS)/"), "Chrome"),
    (re.compile(r"\bSafari/"), "Safari"),
)
_SYSTEMS: Final = (
    (re.compile(r"\biPhone\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bMac(?:intosh| OS X)\b"), "Mac"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bLinux\b"), "Linux"),
)
_LIMIT: Final = 40


def describe_device(agent: str) -> str:
    """Return a browser and its system, for instance « Firefox sur Windows »."""
    browser, system = _find(_BROWSERS, agent), _find(_SYSTEMS, agent)
    if browser and system:
        return gettext("%(browser)s sur %(system)s") % {"browser": browser, "system": system}
    known = browser or system or agent[:_LIMIT].strip()
    return known or gettext("appareil inconnu")


def _find(names: tuple[tuple[re.Pattern[str], str], ...], agent: str) -> str:
    return next((name for pattern, name in names if pattern.search(agent)), "")
