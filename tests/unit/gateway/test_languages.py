"""French, unless English is clearly preferred."""

import pytest

from rempart.gateway.languages import choose_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("fr", "fr"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("fr-CA, en;q=0.8", "fr"),
        ("en;q=0.8, fr;q=0.9", "fr"),
        ("en;q=0.9, fr;q=0.8", "en"),
        ("de, en;q=0.5", "en"),
        ("de", "fr"),
        ("*", "fr"),
        ("en;q=0", "fr"),
        ("en;q=x", "fr"),
        (";;;,,,q=1", "fr"),
        ("x," * 5000 + "en", "fr"),
    ],
)
def test_the_language_chosen(header, language):
    assert choose_language(header) == language
