"""The report of a scope: one HTML page without a script or an address, and a PDF of the same.

Both are laid out from the same sections, made from the summary alone. Refuses to show a person: the
report counts, the lists name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from importlib.resources import files
from typing import Any, Final

import msgspec

from rempart.disclosure.fields import Locale
from rempart.exchange.pdf_document import compile_document
from rempart.exchange.scope_words import explain, format_count, name_field, say

_WIDTH: Final = 720
_HEIGHT: Final = 160
_BASE: Final = 130
_TIERS: Final = (("a", "A"), ("b", "B"), ("c", "C"), ("d", "D"))
_MOST_INSURERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What to tell, and in which language."""

    summary: Mapping[str, Any]
    language: str

    @property
    def locale(self) -> Locale:
        """The language, as words are looked up."""
        return "en" if self.language == "en" else "fr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: its caption, its columns, its rows of text; figures from the second column on."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, some sentences, tables, and perhaps the picture."""

    heading: str
    level: int
    sentences: Sequence[str] = ()
    items: Sequence[str] = ()
    tables: Sequence[Table] = ()
    picture: bool = False


def make_html(report: Report) -> str:
    """Return the page: self-contained, without a script, readable by a screen reader."""
    summary, locale = report.summary, report.locale
    parts = [_head(locale), "<main>", f"<h1>{escape(say('title', locale))}</h1>"]
    parts += [f"<p>{escape(one)}</p>" for one in _lead(summary, locale)]
    for section in make_sections(report):
        parts.append(f"<h{section.level}>{escape(section.heading)}</h{section.level}>")
        parts += [f"<p>{escape(one)}</p>" for one in section.sentences]
        if section.items:
            items = "".join(f"<li>{escape(one)}</li>" for one in section.items)
            parts.append(f"<ul>{items}</ul>")
        if section.picture:
            parts.append(f"<figure>{draw_timeline(report)}</figure>")
        parts += [_write_table(one) for one in section.tables]
    parts.append(f"<footer><p>{escape(_method(summary, locale))}</p></footer></main></body></html>")
    return "\n".join(parts) + "\n"


def make_pdf(report: Report) -> bytes:
    """Return the same as a PDF (PDF/UA-1)."""
    summary, locale = report.summary, report.locale
    data = {
        "lang": locale,
        "title": say("title", locale),
        "lead": _lead(summary, locale),
        "sections": [msgspec.to_builtins(_plain(one)) for one in make_sections(report)],
        "picture_alt": say("timeline_alt", locale),
        "method": _method(summary, locale),
    }
    return compile_document(
        "scope_report.typ",
        data,
        made_at=_read_instant(summary["window"]["from"]),
        pictures={"timeline.svg": draw_timeline(report).encode()},
    )


def make_sections(report: Report) -> list[Section]:
    """Lay the report out: what both forms say, in the same order."""
    summary, locale = report.summary, report.locale
    sections = []
    if summary["insurers"]:
        sections.append(_by_insurer(summary, locale))
        sections += [
            _one_insurer(one, locale)
            for one in summary["insurers"][:_MOST_INSURERS]
            if one["bounds"]["upper"] or any(one["cannot_be_concerned"].values())
        ]
    strangers = summary["not_in_registry"]
    if any(strangers[tier] for _, tier in _TIERS[:3]):
        sections.append(_strangers(strangers, locale))
    sections.append(_coverage(summary, locale))
    sections.append(_accounts(summary, locale))
    if "changes" in summary:
        sections.append(_changes(summary["changes"], locale))
    if summary["timeline"]["slices"]:
        sections.append(_timeline(summary, locale))
    return sections


def draw_timeline(report: Report) -> str:
    """Return a picture of look-ups in time, as SVG: bars of the thief's over the owners'."""
    summary, locale = report.summary, report.locale
    slices = summary["timeline"]["slices"]
    most = max((one["attributed"] + one["owner"] for one in slices), default=0) or 1
    count = max((one["slice"] for one in slices), default=0) + 1
    wide = _WIDTH / max(count, 1)
    bars = []
    for one in slices:
        x = one["slice"] * wide
        above = one["attributed"] * (_BASE - 10) / most
        below = one["owner"] * (_BASE - 10) / most
        bars.append(_draw_bar(x, _BASE - below, wide, below, "#9fb0c0"))
        bars.append(_draw_bar(x, _BASE - below - above, wide, above, "#a02020"))
    words = escape(say("timeline_alt", locale), quote=True)
    first, last = summary["window"]["from"], summary["window"]["to"]
    text = 'font-family="sans-serif" font-size="13" fill="#1b2a3a"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{words}"><title>{words}</title>{"".join(bars)}'
        f'<line x1="0" y1="{_BASE}" x2="{_WIDTH}" y2="{_BASE}" stroke="#1b2a3a"/>'
        f'<text x="0" y="{_BASE + 20}" {text}>{first}</text>'
        f'<text x="{_WIDTH}" y="{_BASE + 20}" text-anchor="end" {text}>{last}</text></svg>'
    )


def _draw_bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    if height <= 0:
        return ""
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width - 1, 1):.2f}" height="{height:.2f}" '
        f'fill="{colour}"/>'
    )


def _lead(summary: Mapping[str, Any], locale: Locale) -> list[str]:
    logs = {name: format_count(count, locale) for name, count in summary["logs"].items()}
    window = summary["window"]
    lead = [say("lead", locale, **{"from": window["from"], "to": window["to"]}, **logs)]
    return lead if window["declared"] else [*lead, say("whole_window", locale)]


def _method(summary: Mapping[str, Any], locale: Locale) -> str:
    return say("method", locale, rules=summary["rules"], version=summary["version"])


def _by_insurer(summary: Mapping[str, Any], locale: Locale) -> Section:
    header = [
        say(name, locale)
        for name in ("insurer", "persons", "tier_a", "tier_b", "tier_c", "tier_c_named", "tier_d")
    ]
    rows = [
        [
            _name(one),
            *(
                format_count(count, locale)
                for count in (
                    one["persons"],
                    one["tiers"]["A"],
                    one["tiers"]["B"],
                    one["tiers"]["C"],
                    one["named_c"],
                    one["tiers"]["D"],
                )
            ),
        ]
        for one in summary["insurers"]
    ]
    heading = say("by_insurer", locale)
    return Section(
        heading=heading, level=2, tables=[Table(caption=heading, header=header, rows=rows)]
    )


def _one_insurer(one: Mapping[str, Any], locale: Locale) -> Section:
    bounds = {name: format_count(count, locale) for name, count in one["bounds"].items()}
    sentences = [say("bounds" if one["bounds"]["upper"] else "none", locale, **bounds)]
    if one["via"]:
        sentences.append(say("via", locale, via=one["via"]))
    if not one["agreement_start"].startswith("1900"):
        sentences.append(say("agreement", locale, day=one["agreement_start"]))
    persons, name = say("persons", locale), _name(one)
    tables = []
    if one["fields"]:
        rows = [
            [
                name_field(field["field"], locale),
                format_count(field["persons"], locale),
                format_count(field["marginal"], locale),
            ]
            for field in one["fields"]
        ]
        header = [say("field", locale), persons, say("marginal", locale)]
        caption = f"{say('fields', locale)} – {name}"
        tables.append(Table(caption=caption, header=header, rows=rows))
    reasons = [
        [explain(reason, locale), format_count(count, locale)]
        for reason, count in one["reasons"].items()
    ]
    if reasons:
        header = [say("reason", locale), persons]
        caption = f"{say('reasons', locale)} – {name}"
        tables.append(Table(caption=caption, header=header, rows=reasons))
    ruled = [(explain(rule, locale), count) for rule, count in one["cannot_be_concerned"].items()]
    ruled.append((say("excluded_by_logs", locale), one["excluded_by_logs"]))
    rows = [[words, format_count(count, locale)] for words, count in ruled if count]
    if rows:
        caption = f"{say('cannot', locale)} – {name}"
        tables.append(Table(caption=caption, header=[say("reason", locale), persons], rows=rows))
    return Section(heading=name, level=3, sentences=sentences, tables=tables)


def _strangers(strangers: Mapping[str, Any], locale: Locale) -> Section:
    heading = say("strangers", locale)
    names = ", ".join(name_field(name, locale) for name in strangers["fields"])
    header = [say(f"tier_{name}", locale) for name, _ in _TIERS[:3]]
    row = [format_count(strangers[tier], locale) for _, tier in _TIERS[:3]]
    sentences = [say("strangers_lead", locale)]
    if names:
        sentences.append(f"{say('fields', locale)} : {names}.")
    return Section(
        heading=heading,
        level=2,
        sentences=sentences,
        tables=[Table(caption=heading, header=header, rows=[row])],
    )


def _coverage(summary: Mapping[str, Any], locale: Locale) -> Section:
    coverage = summary["coverage"]
    return Section(
        heading=say("coverage", locale),
        level=2,
        sentences=[say("coverage_whole" if coverage["whole"] else "coverage_not", locale)],
        items=[explain(one, locale) for one in coverage["doubts"]],
    )


def _accounts(summary: Mapping[str, Any], locale: Locale) -> Section:
    accounts, sessions = summary["accounts"], summary["sessions"]
    tables = []
    for heading, found, names in (
        ("accounts", accounts, ("same", "spelling", "near", "absent")),
        ("sessions", sessions, ("thief", "mixed", "undecided", "owner")),
    ):
        rows = [[say(name, locale), format_count(found[name], locale)] for name in names]
        header = [say("verdict" if heading == "sessions" else "accounts", locale)]
        caption = say(heading, locale)
        tables.append(Table(caption=caption, header=[*header, say("count", locale)], rows=rows))
    heading = f"{say('accounts', locale)}, {say('sessions', locale).lower()}"
    return Section(heading=heading, level=2, tables=tables)


def _changes(changes: Mapping[str, int], locale: Locale) -> Section:
    heading = say("changes", locale)
    rows = [[say(name, locale), format_count(count, locale)] for name, count in changes.items()]
    header = [say("changes", locale), say("persons", locale)]
    return Section(
        heading=heading, level=2, tables=[Table(caption=heading, header=header, rows=rows)]
    )


def _timeline(summary: Mapping[str, Any], locale: Locale) -> Section:
    timeline = summary["timeline"]
    start = _read_instant(summary["window"]["from"])
    rows = [
        [
            (start + timedelta(milliseconds=one["slice"] * timeline["slice_ms"])).strftime(
                "%Y-%m-%d %H:%M"
            ),
            format_count(one["attributed"], locale),
            format_count(one["owner"], locale),
        ]
        for one in timeline["slices"]
    ]
    heading = say("timeline", locale)
    header = [say("time", locale), say("attributed", locale), say("owner", locale)]
    return Section(
        heading=heading,
        level=2,
        picture=True,
        tables=[Table(caption=heading, header=header, rows=rows)],
    )


def _name(insurer: Mapping[str, Any]) -> str:
    number = str(insurer["amc_number"])
    return f"{insurer['name']} ({number})" if insurer["name"] else number


def _read_instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _plain(section: Section) -> dict[str, Any]:
    return {
        "heading": section.heading,
        "level": section.level,
        "sentences": list(section.sentences),
        "items": list(section.items),
        "picture": section.picture,
        "tables": [
            {"caption": t.caption, "header": list(t.header), "rows": [list(r) for r in t.rows]}
            for t in section.tables
        ],
    }


def _write_table(table: Table) -> str:
    header = "".join(f'<th scope="col">{escape(one)}</th>' for one in table.header)
    rows = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in table.rows
    )
    return (
        f"<table><caption>{escape(table.caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _head(locale: Locale) -> str:
    style = files("rempart.exchange").joinpath("scope_report.css").read_text("utf-8")
    return (
        f'<!doctype html>\n<html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(say('title', locale))}</title><style>{style}</style></head><body>"
    )
