"""One document on paper: a template of ours and what fills it, as PDF/UA-1.

The same data and the same instant give the same bytes: fonts are those that typst carries. Refuses
to reach any file but those it is given.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec
import typst

_NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})


def compile_document(
    template: str, data: object, *, made_at: datetime, pictures: Mapping[str, bytes] = _NOTHING
) -> bytes:
    """Return a PDF.

    Args:
        template: Name of a typst file beside this one; it reads `data.json`.
        data: What it reads, as JSON can hold it.
        made_at: Written in the document as its date.
        pictures: Files that the template asks for, by name.
    """
    sources = {
        "main.typ": _load_template(template),
        "data.json": msgspec.json.encode(data),
        **pictures,
    }
    rendered = typst.compile(  # type: ignore[call-overload]
        sources,
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards="ua-1",
        timestamp=int(made_at.timestamp()),
    )
    return bytes(rendered)


@cache
def _load_template(name: str) -> bytes:
    return files("rempart.exchange").joinpath(name).read_bytes()
