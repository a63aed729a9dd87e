"""A package under way: everything about it that is known before its files are written."""

from dataclasses import dataclass

from rempart.incidents.packages import Assurance, Conclusion, Counts
from rempart.storage.packages import Analysed, ListedInsurer, NewPackage, PackagedIncident


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a package will say and whom it is sealed for.

    Args:
        first: The number of the whole list that its changes go back to.
        state_digest: Of the list once this package is taken in.
        certificate: DER, of the receiver.
        fingerprint: SHA-256 of it.
    """

    incident: PackagedIncident
    insurer: ListedInsurer
    package: NewPackage
    first: int
    analysed: Analysed
    assurance: Assurance
    counts: Counts
    conclusion: Conclusion
    state_digest: str
    certificate: bytes
    fingerprint: bytes
