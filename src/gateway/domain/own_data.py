# SPDX-License-Identifier: Apache-2.0
"""The gateway's own data as datasets: which there are, at which paths, and what a question of them can say.

They are declared in ``datasets/*.yaml`` like those of a store, under the name ``gateway``, with grants and
purposes in the same files; what is not declared does not exist. They are read through the same flow.
"""

import re

from gateway.domain.names import DatasetName, FieldName, StoreName

OWN_STORE = StoreName("gateway")
"""Stands where a store's name would; no store of gateway.yaml can have it."""

OWN_SEGMENT = "-"
"""First segment of the paths of the gateway's own."""

LOG_ENTRIES, LOG_FACETS, APPROVALS = "/-/log/entries", "/-/log/facets", "/-/approvals"
OWN_PATHS = (LOG_ENTRIES, LOG_FACETS, APPROVALS)
"""Where own data are served; no dataset can declare another path below ``/-/``."""

ACCESS_LOG, ACCESS_LOG_COUNTS = DatasetName("gateway.access_log"), DatasetName("gateway.access_log_counts")
OWN_APPROVALS = DatasetName("gateway.approvals")
"""What waits for somebody else's word; who may read it, and who may approve, is granted apart."""

PERSON_FIELDS = {ACCESS_LOG: FieldName("person"), ACCESS_LOG_COUNTS: FieldName("person")}
"""Fields that hold the number of a person, so that a look-up of somebody is entered as one."""

ACCOUNT_FIELD = FieldName("account")
"""Field that holds an account, so that the log tells of whose doings somebody asked."""

_ACCOUNT_ID = re.compile(r"a_[0-9a-f]{16}\Z", re.ASCII)
_LARGEST_PERSON = (1 << 32) - 1


def is_person_number(text: str) -> bool:
    """Tell whether a text spells the number of a person, in its one spelling."""
    is_plain = text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_PERSON))
    return is_plain and int(text) <= _LARGEST_PERSON and str(int(text)) == text


def is_account_id(text: str) -> bool:
    """Tell whether a text is the identifier of an account, which the gateway draws and which names nobody."""
    return _ACCOUNT_ID.match(text) is not None
