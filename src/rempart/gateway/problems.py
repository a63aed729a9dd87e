"""Refusals and failures as RFC 9457 problem documents, in French or in English.

The text depends on the code alone, never on the message of the exception: nothing a caller sent,
and nothing that was found, can leave through an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, NamedTuple

import msgspec
from msgspec import Meta

from rempart.accounts.containment import ChecksSuspended, SignInAgain, SlowedDown
from rempart.accounts.dpop import PROOF_ALGORITHMS, NonceNeeded, ProofRefused
from rempart.kernel.errors import (
    AccessDenied,
    BodyTooLarge,
    Conflict,
    InconsistentRecord,
    InvalidRequest,
    LedgerUnavailable,
    MalformedRequest,
    NotFound,
    RempartError,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)
from rempart.kernel.findings import Language, Refusal
from rempart.rights.cuts import CutReason, CutScope, RightsCut, StillWorks, list_still_works
from rempart.workflows.guard.guard_lookups import AccountContained, PresenceNeeded
from rempart.workflows.rights.weigh_presence import PresenceRequired, TypedAllowanceSpent

PROBLEM_TYPE = b"application/problem+json"


class MethodNotAllowed(RempartError):
    """The path exists, but not for this method."""

    code: ClassVar[str] = "method_not_allowed"
    status: ClassVar[int] = 405

    def __init__(self, allowed: str) -> None:
        super().__init__(f"use {allowed}")
        self.allowed = allowed


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that cannot be accepted."""

    field: Annotated[str, Meta(description="Path of the field, or name of the header.")]
    message: Annotated[str, Meta(description="What is wrong and what to do.")]


class CutFacts(msgspec.Struct, frozen=True):
    """What is cut, since when and why, and what still works meanwhile."""

    scope: Annotated[CutScope, Meta(description="What is cut, the widest that applies.")]
    reason: Annotated[CutReason, Meta(description="Why, in a word.")]
    since: Annotated[str, Meta(description="Since when (RFC 3339, UTC).")]
    until: Annotated[
        str | None, Meta(description="When it ends by itself; null when nobody knows yet.")
    ]
    still_works: Annotated[
        list[StillWorks], Meta(description="What goes on, the most useful first.")
    ]


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Meta(description="`/problems/` and the code.")]
    title: Annotated[str, Meta(description="The same for every problem of this type.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    code: Annotated[str, Meta(description="Stable; the one thing software should read.")]
    detail: Annotated[str, Meta(description="What to do, in French or in English.")]
    errors: Annotated[
        list[FieldProblem], Meta(description="All the fields at fault (422 only).")
    ] = []
    cut: Annotated[
        CutFacts | None, Meta(description="What is cut and what still works (`rights_cut` only).")
    ] = None


class Reply(NamedTuple):
    """Bytes ready to be sent."""

    status: int
    content_type: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Title and detail of one code, in the two languages."""

    status: int
    title: Mapping[Language, str]
    detail: Mapping[Language, str]


def _text(status: int, fr: tuple[str, str], en: tuple[str, str]) -> Text:
    return Text(status, {"fr": fr[0], "en": en[0]}, {"fr": fr[1], "en": en[1]})


TEXTS: Mapping[str, Text] = {
    MalformedRequest.code: _text(
        MalformedRequest.status,
        ("Requête illisible", "Le corps n’est pas du JSON (RFC 8259) : corrigez-le et renvoyez."),
        ("Unreadable request", "The body is not JSON (RFC 8259): correct it and send it again."),
    ),
    InvalidRequest.code: _text(
        InvalidRequest.status,
        ("Requête invalide", "Corrigez les champs indiqués et renvoyez la requête."),
        ("Invalid request", "Correct the fields listed and send the request again."),
    ),
    AccessDenied.code: _text(
        AccessDenied.status,
        (
            "Accès refusé",
            "Le jeton est absent, expiré, révoqué ou lié à une autre clé : demandez-en un autre.",
        ),
        (
            "Access denied",
            "The token is missing, expired, revoked or bound to another key: get another one.",
        ),
    ),
    ProofRefused.code: _text(
        ProofRefused.status,
        (
            "Preuve de possession refusée",
            "Signez une preuve DPoP neuve pour cet appel : htm, htu, iat, jti, ath et nonce.",
        ),
        (
            "Proof of possession refused",
            "Sign a new DPoP proof for this very call: htm, htu, iat, jti, ath and nonce.",
        ),
    ),
    NonceNeeded.code: _text(
        NonceNeeded.status,
        (
            "Nonce attendu",
            "Signez la preuve DPoP avec le nonce de l’en-tête DPoP-Nonce, et renvoyez.",
        ),
        (
            "Nonce needed",
            "Sign the DPoP proof with the nonce of the DPoP-Nonce header, and send it again.",
        ),
    ),
    NotFound.code: _text(
        NotFound.status,
        ("Introuvable", "Rien de tel ici, pour votre établissement : voyez /v1/openapi.json."),
        ("Not found", "Nothing of the kind here for your establishment: see /v1/openapi.json."),
    ),
    MethodNotAllowed.code: _text(
        MethodNotAllowed.status,
        ("Méthode non permise", "Utilisez la méthode indiquée par l’en-tête Allow."),
        ("Method not allowed", "Use the method given by the Allow header."),
    ),
    Conflict.code: _text(
        Conflict.status,
        (
            "Clé d’idempotence déjà utilisée",
            "Cette Idempotency-Key a servi à une autre requête : prenez-en une nouvelle.",
        ),
        (
            "Idempotency key already used",
            "This Idempotency-Key was used for another request: take a new one.",
        ),
    ),
    BodyTooLarge.code: _text(
        BodyTooLarge.status,
        (
            "Corps trop grand",
            "Le corps dépasse la taille de cette adresse : voyez /v1/openapi.json.",
        ),
        ("Body too large", "The body is over the size of this address: see /v1/openapi.json."),
    ),
    UnsupportedMediaType.code: _text(
        UnsupportedMediaType.status,
        (
            "Format non pris en charge",
            "Envoyez du JSON, Content-Type: application/json, ou voyez /v1/openapi.json.",
        ),
        (
            "Unsupported format",
            "Send JSON, Content-Type: application/json, or see /v1/openapi.json.",
        ),
    ),
    TooManyRequests.code: _text(
        TooManyRequests.status,
        ("Trop de requêtes", "Attendez le nombre de secondes de Retry-After, puis reprenez."),
        ("Too many requests", "Wait the number of seconds in Retry-After, then go on."),
    ),
    Unavailable.code: _text(
        Unavailable.status,
        ("Service indisponible", "Attendez le nombre de secondes de Retry-After et renvoyez."),
        ("Service unavailable", "Wait the number of seconds in Retry-After and send it again."),
    ),
    LedgerUnavailable.code: _text(
        LedgerUnavailable.status,
        (
            "Registre indisponible",
            "Sans trace, pas de réponse : attendez Retry-After et renvoyez la même requête.",
        ),
        (
            "Ledger unavailable",
            "No trace, no answer: wait for Retry-After and send the same request again.",
        ),
    ),
    RightsCut.code: _text(
        RightsCut.status,
        (
            "Vérification coupée",
            "Voir `cut` : la carte se vérifie hors ligne, facturation et paiements continuent.",
        ),
        (
            "Rights checks are cut",
            "Rights are cut, see `cut`: cards verify offline, claims and payments go on.",
        ),
    ),
    SignInAgain.code: _text(
        SignInAgain.status,
        (
            "Nouvelle connexion demandée",
            "Confirmez qui vous êtes, ou demandez un nouveau jeton ; puis renvoyez la requête.",
        ),
        (
            "Sign in again",
            "Confirm who you are, or get a new token; then send the request again.",
        ),
    ),
    ChecksSuspended.code: _text(
        ChecksSuspended.status,
        (
            "Vérifications suspendues",
            "Un opérateur les a suspendues : facturation et paiements continuent ; appelez-le.",
        ),
        (
            "Checks suspended",
            "An operator suspended them: claims and payments go on; call the operator.",
        ),
    ),
    SlowedDown.code: _text(
        SlowedDown.status,
        (
            "Vérifications ralenties",
            "Un opérateur a ralenti ce compte : attendez Retry-After, puis renvoyez.",
        ),
        (
            "Checks slowed down",
            "An operator slowed this account: wait for Retry-After, then send it again.",
        ),
    ),
    PresenceRequired.code: _text(
        PresenceRequired.status,
        (
            "Présence demandée",
            "Pour une personne nouvelle, montrez sa carte, son code ou une lecture de Vitale.",
        ),
        (
            "Presence required",
            "For a new person, show their card, their code or a reading of their Vitale card.",
        ),
    ),
    TypedAllowanceSpent.code: _text(
        TypedAllowanceSpent.status,
        (
            "Saisies du jour épuisées",
            "Assez de personnes nouvelles saisies aujourd’hui : montrez leur carte.",
        ),
        (
            "Typed look-ups spent for today",
            "This account typed enough new persons today: show their card.",
        ),
    ),
    PresenceNeeded.code: _text(
        PresenceNeeded.status,
        (
            "Preuve de présence demandée aujourd’hui",
            (
                "Pour une personne nouvelle, montrez sa carte, son code ou une lecture de Vitale ; "
                "les personnes connues restent accessibles. « Mon compte » dit pourquoi."
            ),
        ),
        (
            "Proof of presence needed today",
            (
                "For a new person, show their card, their code or a reading of their Vitale card; "
                "people you know are still answered. “My account” says why."
            ),
        ),
    ),
    AccountContained.code: _text(
        AccountContained.status,
        (
            "Compte limité",
            (
                "Jusqu’à une vérification, seules les personnes connues, ou leur carte lue là "
                "où vous travaillez, ont une réponse ; la facturation continue. "
                "« Mon compte » dit que faire."
            ),
        ),
        (
            "Account limited",
            (
                "Until a review, only people you know, or whose card is read where you work, "
                "are answered about; billing goes on. “My account” says what to do."
            ),
        ),
    ),
    InconsistentRecord.code: _text(
        InconsistentRecord.status,
        ("Dossier incohérent", "Un opérateur doit corriger ce dossier : appelez l’assistance."),
        ("Inconsistent record", "An operator must correct this record: call support."),
    ),
    "error": _text(
        500,
        ("Erreur interne", "La panne est signalée : renvoyez la requête plus tard."),
        ("Internal error", "The failure has been reported: send the request again later."),
    ),
}


class InvalidQuestion(InvalidRequest):
    """The request cannot be accepted as it is; `faults` says where and why, in two languages.

    Args:
        faults: Pairs (path of the field or name of the header, refusal), in document order.
    """

    def __init__(self, faults: Sequence[tuple[str, Refusal]]) -> None:
        super().__init__("; ".join(f"{path}: {refusal.rule}" for path, refusal in faults))
        self.faults = tuple(faults)


def format_problem(error: RempartError | None, language: Language) -> Reply:
    """Write the problem document of a refusal or failure; None is a bug, told anonymously."""
    code = error.code if error is not None and error.code in TEXTS else "error"
    text = TEXTS[code]
    faults = error.faults if isinstance(error, InvalidQuestion) else ()
    problem = Problem(
        type=f"/problems/{code}",
        title=text.title[language],
        status=text.status,
        code=code,
        detail=text.detail[language],
        errors=[FieldProblem(path, _explain(refusal, language)) for path, refusal in faults],
        cut=_describe_cut(error) if isinstance(error, RightsCut) else None,
    )
    body = msgspec.json.encode(problem)
    return Reply(text.status, PROBLEM_TYPE, body, _extra_headers(error, language))


def _describe_cut(error: RightsCut) -> CutFacts:
    cut = error.cut
    return CutFacts(
        scope=cut.scope,
        reason=cut.reason,
        since=_format_instant(cut.starts_ms),
        until=None if cut.ends_ms is None else _format_instant(cut.ends_ms),
        still_works=list(list_still_works(cut.scope)),
    )


def _format_instant(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def _explain(refusal: Refusal, language: Language) -> str:
    return f"{refusal.message(language)} {refusal.advice(language)}"


def _extra_headers(
    error: RempartError | None, language: Language
) -> tuple[tuple[bytes, bytes], ...]:
    headers = [(b"content-language", language.encode())]
    if isinstance(error, TooManyRequests | Unavailable):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    if isinstance(error, AccessDenied):
        headers += _challenge(error)
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allowed.encode()))
    return tuple(headers)


def _challenge(error: AccessDenied) -> list[tuple[bytes, bytes]]:
    """Say how to come in (RFC 9110 §11.6.1): a bound token, by its proof or by its certificate."""
    name = error.code if error.code != AccessDenied.code else "invalid_token"
    algorithms = " ".join(PROOF_ALGORITHMS)
    return [
        (b"www-authenticate", f'DPoP error="{name}", algs="{algorithms}"'.encode()),
        (b"www-authenticate", b'Bearer error="invalid_token"'),
    ]
