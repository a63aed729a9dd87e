"""Files of members that an insurer's agents open: why, how many a day, of what contract.

Refuses a list: a file is opened by exact identifiers, one at a time, each on record.
"""

import enum
from typing import Final

# What an agent opens in a day, whatever their insurer says; a query that finds nobody counts too.
MOST_FILES_A_DAY: Final = 300
# A contract with more people says how many they are: the staff of a company is no family.
MOST_PEOPLE_TOLD: Final = 12
CONTRACT_LETTERS: Final = 30


class FileMotive(enum.StrEnum):
    """Why a file is opened: a closed list, which the person reads."""

    SERVICE = "service"
    CLAIM = "claim"
    COMPLAINT = "complaint"
    ACCESS = "access"
    INCIDENT = "incident"
    CONTROL = "control"
