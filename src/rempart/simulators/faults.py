"""What a provider can be made to do wrong, one sign-in at a time: what a client must refuse."""

import enum
from typing import Final


class Fault(enum.StrEnum):
    """One way of answering that a correct client refuses, or (signed userinfo) accepts."""

    WRONG_STATE = "wrong_state"
    ISS_OF_ANOTHER = "iss_of_another"
    ISS_MISSING = "iss_missing"
    WRONG_NONCE = "wrong_nonce"
    NONCE_MISSING = "nonce_missing"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_AUTHORIZED_PARTY = "wrong_authorized_party"
    WRONG_ISSUER = "wrong_issuer"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    ALG_NONE = "alg_none"
    HS256_WITH_PUBLIC_KEY = "hs256_with_public_key"
    UNKNOWN_KEY = "unknown_key"
    STOLEN_KID = "stolen_kid"
    WRONG_AT_HASH = "wrong_at_hash"
    WEAK_ACR = "weak_acr"
    OLD_SIGN_IN = "old_sign_in"
    NOT_A_TOKEN = "not_a_token"  # noqa: S105 - what comes instead of one
    USERINFO_OF_ANOTHER = "userinfo_of_another"
    USERINFO_SIGNED = "userinfo_signed"
    USERINFO_SIGNED_BY_ANOTHER = "userinfo_signed_by_another"
    USERINFO_HUGE = "userinfo_huge"
    USERINFO_MALFORMED = "userinfo_malformed"
    NO_EXERCISE = "no_exercise"
    NO_NATIONAL_ID = "no_national_id"


# Those of the identity token's signature; the others are in what it says, or elsewhere.
SIGNATURE_FAULTS: Final = frozenset(
    {
        Fault.ALG_NONE,
        Fault.HS256_WITH_PUBLIC_KEY,
        Fault.UNKNOWN_KEY,
        Fault.STOLEN_KID,
        Fault.NOT_A_TOKEN,
    }
)

FAULT_NAMES: Final = {
    Fault.WRONG_STATE: "autre state",
    Fault.ISS_OF_ANOTHER: "iss d’un autre fournisseur",
    Fault.ISS_MISSING: "iss absent de la réponse",
    Fault.WRONG_NONCE: "autre nonce",
    Fault.NONCE_MISSING: "nonce absent",
    Fault.WRONG_AUDIENCE: "jeton pour un autre client",
    Fault.WRONG_AUTHORIZED_PARTY: "azp d’un autre client",
    Fault.WRONG_ISSUER: "jeton d’un autre émetteur",
    Fault.EXPIRED: "jeton expiré",
    Fault.FROM_THE_FUTURE: "jeton daté de demain",
    Fault.ALG_NONE: "jeton non signé (alg none)",
    Fault.HS256_WITH_PUBLIC_KEY: "HS256 avec la clé publique",
    Fault.UNKNOWN_KEY: "clé inconnue",
    Fault.STOLEN_KID: "autre clé sous le nom de la vraie",
    Fault.WRONG_AT_HASH: "at_hash faux",
    Fault.WEAK_ACR: "niveau acr insuffisant",
    Fault.OLD_SIGN_IN: "authentification ancienne (auth_time)",
    Fault.NOT_A_TOKEN: "jeton illisible",
    Fault.USERINFO_OF_ANOTHER: "userinfo d’une autre personne",
    Fault.USERINFO_SIGNED: "userinfo signé (accepté)",
    Fault.USERINFO_SIGNED_BY_ANOTHER: "userinfo signé par une autre clé",
    Fault.USERINFO_HUGE: "userinfo démesuré",
    Fault.USERINFO_MALFORMED: "userinfo illisible",
    Fault.NO_EXERCISE: "aucune situation d’exercice",
    Fault.NO_NATIONAL_ID: "identifiant national qui n’est pas un RPPS",
}
