"""`rempart notice`: look at what people are told before it leaves, and how far it is."""

import json
from pathlib import Path
from typing import Any

import click

from rempart.cli import notice_delivery
from rempart.cli.campaign import campaign
from rempart.kernel.findings import Language
from rempart.notices.lint import NoticeFinding, lint_notice
from rempart.notices.lint_rules import RULES_VERSION, Severity
from rempart.notices.media import Medium

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_LANGUAGES = click.Choice(["fr", "en"])


@click.group()
def notice() -> None:
    """Check the notices that people get after an incident, and follow them to their readers."""


for _command in (
    notice_delivery.progress,
    notice_delivery.pace,
    notice_delivery.batches,
    notice_delivery.posted,
    notice_delivery.returned,
):
    notice.add_command(_command)


notice.add_command(campaign)


@notice.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--medium",
    type=click.Choice([one.value for one in Medium]),
    help="What the texts are.  [default: unknown, and held to the rules of all]",
)
@click.option("--language", type=_LANGUAGES, help="Of the texts.  [default: guessed]")
@click.option("--report", type=_LANGUAGES, default="fr", show_default=True, help="Of the findings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for all files.")
def lint(
    *,
    files: tuple[Path, ...],
    medium: str | None,
    language: Language | None,
    report: Language,
    as_json: bool,
) -> None:
    """Find the faults of the notices in FILES, plain text in UTF-8, whoever wrote them.

    Ends with 1 when something article 34(2) GDPR asks for is missing, or a fault is to be
    corrected; with 0 when there are only hints, or nothing.
    """
    found = {
        path: lint_notice(_read(path), medium=Medium(medium) if medium else None, language=language)
        for path in files
    }
    if as_json:
        documents = [
            {"file": str(path), "findings": [_describe(one) for one in findings]}
            for path, findings in found.items()
        ]
        click.echo(
            json.dumps({"rules": RULES_VERSION, "files": documents}, ensure_ascii=False, indent=2)
        )
    else:
        for path, findings in found.items():
            _show(path, findings, report)
    if any(one.rule.severity is not Severity.HINT for rows in found.values() for one in rows):
        raise SystemExit(1)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as unreadable:
        raise click.ClickException(
            f"{path} is not UTF-8 text (byte {unreadable.start}): save it as UTF-8, or copy the "
            "words of the page or the PDF into a text file"
        ) from None


def _show(path: Path, findings: list[NoticeFinding], report: Language) -> None:
    for one in findings:
        excerpt = f" « {one.excerpt} »" if one.excerpt else ""
        click.echo(
            f"{path}:{one.line}:{one.column}: {one.rule.severity} [{one.rule.code}]{excerpt} "
            f"{one.message(report)} {one.advice(report)}"
        )
    counts = {kind: sum(one.rule.severity is kind for one in findings) for kind in Severity}
    click.echo(f"{path}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _describe(finding: NoticeFinding) -> dict[str, Any]:
    return {
        "rule": finding.rule.code,
        "severity": finding.rule.severity.value,
        "line": finding.line,
        "column": finding.column,
        "excerpt": finding.excerpt,
        "message": {"fr": finding.message("fr"), "en": finding.message("en")},
        "advice": {"fr": finding.advice("fr"), "en": finding.advice("en")},
        "source": finding.rule.source,
    }
