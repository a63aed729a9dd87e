"""A proof on one page to print, with its square code, and a person's history as a document.

Refuses to add to a proof: every line of the page is read from the text that the code carries.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import zxingcpp

from rempart.disclosure.evidence import Trust, judge_entry
from rempart.disclosure.note import NoteVerifier
from rempart.exchange.pdf_document import compile_document
from rempart.exchange.proof_code import TooLargeForACode, make_proof_code
from rempart.exchange.proof_words import describe_proved, list_not_proved

_CODE: Final = "code.svg"
_FOOTER: Final = "Rempart – registre des consultations de droits"
_NO_CODE: Final = "Cette preuve est trop longue pour un code : gardez le fichier « .tlog-proof »."


def print_proof(
    text: str, *, keys: Sequence[NoteVerifier] = (), page_address: str = "", made_at: datetime
) -> bytes:
    """Return a proof as a PDF of one page (PDF/UA-1), in French.

    Args:
        text: The proof.
        keys: The log's keys, printed so that the reader can compare them with others' copies.
        page_address: Where a page checks proofs; empty for none.
        made_at: Written in the file; the same proof and instant give the same file.

    Raises:
        EvidenceRefused: the text proves nothing: nothing is printed.
    """
    proved = judge_entry(text, Trust(logs=keys))
    code = _make_code(text)
    data = {
        "kind": "proof",
        "title": "Preuve d’une consultation de droits",
        "lead": "Cette page est la forme imprimée d’une preuve. Le code carré en contient tout le "
        "texte : il suffit, avec la clé publique du registre, pour la vérifier.",
        "footer": _FOOTER,
        "lines": [tuple(line) for line in describe_proved(proved, "fr")],
        "unproved": list_not_proved(proved, "fr") if keys else list_not_proved(proved, "fr")[1:],
        "how": list(_explain(page_address)),
        "code": code is not None,
        "code_alt": "Code carré : le texte de la preuve, le même que dans le fichier.",
        "no_code": _NO_CODE,
    }
    pictures = {} if code is None else {_CODE: code}
    return compile_document("proof_document.typ", data, made_at=made_at, pictures=pictures)


def print_history(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    lead: str,
    unproved: Sequence[str],
    made_at: datetime,
) -> bytes:
    """Return who consulted somebody's rights as a PDF (PDF/UA-1).

    Args:
        columns: Names of the five columns.
        rows: Their cells, in order.
        lead: Whose list it is, of which period, made when.
        unproved: What the list cannot show.
        made_at: Written in the file.
    """
    data = {
        "kind": "history",
        "title": "Qui a consulté mes droits",
        "lead": lead,
        "footer": _FOOTER,
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "unproved": list(unproved),
    }
    return compile_document("proof_document.typ", data, made_at=made_at)


def draw_code(content: str) -> str:
    """Return the square code of a text as SVG.

    Raises:
        ValueError: no code holds that much.
    """
    code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    return str(code.to_svg(add_quiet_zones=True))


def _make_code(text: str) -> bytes | None:
    try:
        return draw_code(make_proof_code(text)).encode()
    except TooLargeForACode:
        return None


def _explain(page_address: str) -> list[str]:
    here = f"Sur {page_address}, collez le texte lu dans le code. " if page_address else ""
    return [
        here + "Sans rien nous demander : enregistrez ce texte dans un fichier et lancez « rempart "
        "ledger verify FICHIER --vkey CLÉ ». Ni base de données, ni réseau.",
        (
            "Le texte suit les formats publics C2SP (tlog-proof, tlog-checkpoint) et l’arbre de la "
            "RFC 6962 : un autre programme peut faire la même vérification."
        ),
        (
            "La clé du registre doit vous venir d’ailleurs que de cette page : du site de votre "
            "complémentaire, d’un témoin, d’une copie gardée."
        ),
    ]
