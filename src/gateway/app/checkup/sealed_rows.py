# SPDX-License-Identifier: Apache-2.0
"""What lies under which version of a key: what waits to be sealed anew, what nothing opens, and what nothing needs."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from gateway.app.checkup.database import opened
from gateway.app.checkup.findings import CannotBeTold, Finding, Patient, note, ok, problem, warning
from gateway.app.columns import KnownColumns
from gateway.app.keyring import open_keyring
from gateway.app.rule_files import read_folder, rules_of
from gateway.app.surrogates.at_rest_keys import LABEL as AT_REST
from gateway.app.surrogates.at_rest_keys import Looked, columns_needing
from gateway.domain.entry import Entry, Part
from gateway.domain.errors import GatewayError, RulesError
from gateway.domain.key_labels import for_life
from gateway.domain.turning import Turn
from gateway.domain.wording import counted
from gateway.flows.rewrapping import EVERY_US, Held, Rewrapping
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.meta import Meta
from gateway.store.sealed_rows import rows_of

CHECK = "sealed rows"
LATE_US = 2 * EVERY_US
"""After a rotation; the worker has looked twice by then."""


class _NoLog:
    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Enter nothing: a check-up seals nothing."""
        raise NotImplementedError


async def sealed_rows(patient: Patient) -> Iterable[Finding]:
    """Look at which rows and columns are under which version."""
    async with _opened(patient) as (keyring, store):
        rewrapping = Rewrapping(keyring, lambda label: rows_of(store, keyring, label), _NoLog(), lambda: patient.now_us)
        labels = [label for label in keyring.labels() if for_life(label) is None]
        of_rows = [_of_rows(patient, await rewrapping.held(label)) for label in labels]
        of_columns = [
            await _of_columns(patient, keyring, store, label) for label in labels if label.startswith(AT_REST)
        ]
    found = [one for each in (*of_rows, *of_columns) for one in each]
    return found or [ok(CHECK, "every row is under the version in force of its key")]


@asynccontextmanager
async def _opened(patient: Patient) -> AsyncIterator[tuple[Keyring, Store]]:
    try:
        keyring = open_keyring(patient.settings)
    except GatewayError:
        raise CannotBeTold("it cannot be told while the keyring cannot be opened") from None
    async with opened(patient.settings) as store:
        yield keyring, store


def _of_rows(patient: Patient, versions: list[Held]) -> Iterable[Finding]:
    newest_us = max((one.since_us for one in versions), default=0)
    for one in versions:
        rows, named = counted(one.rows or 0, "row"), f"version {one.version} of {one.label}"
        if one.rows and one.state == "missing":
            yield problem(CHECK, f"{rows} need {named}, which the keyring lacks", "put a newer copy of keys/ back")
        elif one.rows and one.state == "shredded":
            yield note(CHECK, f"{rows} can never be opened again: {named} is shredded")
        elif one.rows and one.state == "retired" and patient.now_us - newest_us > LATE_US:
            told = f"{rows} are still under {named}, which was retired {_hours(patient.now_us - newest_us)} ago"
            yield warning(CHECK, told, f"look whether the worker runs; or gateway key rewrap {one.label}")
        elif one.rows and one.state == "retired":
            yield note(CHECK, f"{rows} wait to be sealed anew: {named} was retired a short while ago")
        elif one.rows == 0 and one.state == "retired":
            yield _unneeded(one.label, one.version, "no row needs")


async def _of_columns(patient: Patient, keyring: Keyring, store: Store, label: str) -> list[Finding]:
    retired = [one.version for one in keyring.versions(label) if str(one.state) == "retired"]
    if not retired:
        return []
    try:
        catalog = rules_of(read_folder(patient.settings.policies_dir)).catalog
    except RulesError:
        return []
    looked = {n: await columns_needing(KnownColumns(Meta(store)), catalog, label, n) for n in retired}
    return [_of_version(label, n, one) for n, one in looked.items() if one.n_declared]


def _of_version(label: str, version: int, looked: Looked) -> Finding:
    if looked.is_unneeded:
        return _unneeded(label, version, "no column needs")
    walked = [one for one in looked.columns if one.state.turn is Turn.DONE and one.is_declared]
    known = "holds" if walked else "may hold"
    [first, *others] = walked or looked.columns
    more = f" and {counted(len(others), 'other')}" if others else ""
    told = (
        f"{first.dataset}.{first.field}{more} {known} surrogates under version {version} of {label}, which is retired"
    )
    return note(CHECK, told, f"gateway surrogate migrate {first.dataset}")


def _unneeded(label: str, version: int, who: str) -> Finding:
    told = (
        f"{who} version {version} of {label} any more, which is retired; docs/how-to/keys.md says what shredding ends"
    )
    return note(CHECK, told, f"gateway key shred {label} {version}")


def _hours(us: int) -> str:
    return counted(us // 3_600_000_000, "hour")
