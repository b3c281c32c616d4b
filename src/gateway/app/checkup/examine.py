# SPDX-License-Identifier: Apache-2.0
"""The whole check-up: every check, in the order in which people mend things."""

from collections.abc import AsyncIterator

from gateway.app.checkup import (
    database,
    folders,
    keyring,
    logs,
    network,
    officers,
    rules,
    sealed_rows,
    stores,
    witnesses,
)
from gateway.app.checkup.findings import Check, Finding, Patient, isolated

CHECKS: tuple[tuple[str, Check], ...] = (
    ("permissions", folders.permissions),
    ("secrets", folders.secrets),
    ("keys", keyring.keys),
    ("database", database.database),
    ("sealed rows", sealed_rows.sealed_rows),
    ("log", logs.log),
    ("witness", witnesses.witnesses),
    ("index", logs.index),
    ("disk", logs.disk),
    ("backup", database.backup),
    ("rules", rules.rules),
    ("fields", database.unseen_fields),
    ("stores", stores.stores),
    ("clock", database.clock),
    ("clock", network.kernel_clock),
    ("listening", network.listening),
    ("handles", network.handles),
    ("accounts", database.accounts),
    ("officers", officers.officers),
    ("serving", network.serving),
)


async def examined(patient: Patient) -> AsyncIterator[tuple[Finding, ...]]:
    """Yield what each check found, one check after the other."""
    for name, check in CHECKS:
        yield await isolated(name, check, patient)
