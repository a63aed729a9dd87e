"""Run the linter on the five public notices of 2024, and record what it finds.

    python scripts/lint_public_notices.py DIRECTORY

The texts belong to those who wrote them and are not in the repository: whoever has copies puts them
in a directory. They are known by their SHA-256, whatever the names of their files. The record,
tests/data/notices/public_2024.toml, holds places and rules, and none of the words.
"""

import sys
import tomllib
from hashlib import sha256
from pathlib import Path

from rempart.notices.lint import lint_notice
from rempart.notices.lint_rules import RULES_VERSION

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "data" / "notices" / "public_2024.toml"
LINTER = (
    "data/lint.toml",
    "data/references.toml",
    "lint.py",
    "lint_computed.py",
    "lint_rules.py",
    "words.py",
)
HEAD = """# What the linter finds in the five public notices of 2024 (docs/sources.md, S1 to S5):
# each finding is a line, a column and a rule. Written by scripts/lint_public_notices.py on the
# texts of these digests, which are not in the repository.
"""


def digest_linter() -> str:
    """Return the digest of what the findings depend on."""
    package = ROOT / "src" / "rempart" / "notices"
    return sha256(b"\0".join((package / name).read_bytes() for name in LINTER)).hexdigest()


def main(directory: str) -> None:
    """Write the record anew; refuse when a text is missing."""
    record = tomllib.loads(RECORD.read_text("utf-8"))
    texts = {
        sha256(content).hexdigest(): content.decode("utf-8")
        for content in (path.read_bytes() for path in Path(directory).iterdir() if path.is_file())
    }
    lines = [HEAD, f'rules_version = "{RULES_VERSION}"', f'linter_sha256 = "{digest_linter()}"']
    for notice in record["notice"]:
        if notice["sha256"] not in texts:
            raise SystemExit(f"{directory} has no file of digest {notice['sha256']}")
        found = lint_notice(texts[notice["sha256"]])
        lines += ["", "[[notice]]", f'source = "{notice["source"]}"']
        lines += [f'sha256 = "{notice["sha256"]}"', "findings = ["]
        lines += [f'    [{one.line}, {one.column}, "{one.rule.code}"],' for one in found]
        lines += ["]"]
    RECORD.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
