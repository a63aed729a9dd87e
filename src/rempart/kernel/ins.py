"""The systems (OID) under which a national health identity (INS) travels.

Refuses to present a synthetic person under a real system.
"""

from typing import Final

from rempart.kernel.nir import Nir, NirKind

INS_NIR_OID: Final = "1.2.250.1.213.1.4.8"
INS_NIA_OID: Final = "1.2.250.1.213.1.4.9"
INS_TEST_OID: Final = "1.2.250.1.213.1.4.10"
INS_DEMO_OID: Final = "1.2.250.1.213.1.4.11"


def ins_oid(nir: Nir) -> str:
    """Return the OID under which to send `nir`: the test one for a synthetic person.

    Source:
        S9.
    """
    if nir.is_synthetic:
        return INS_TEST_OID
    return INS_NIA_OID if nir.kind is NirKind.NIA else INS_NIR_OID


def format_oid_uri(oid: str) -> str:
    """Write an OID as FHIR does: `urn:oid:1.2...`."""
    return f"urn:oid:{oid}"
