# SPDX-License-Identifier: Apache-2.0
"""The gateway's own database: whether it answers and is at this version, when it was copied, and who can sign in."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.app.checkup.findings import (
    DAY_US,
    CannotBeTold,
    Finding,
    Patient,
    days,
    note,
    ok,
    problem,
    warning,
)
from gateway.app.clock import now_us
from gateway.domain.principal import PrincipalKind
from gateway.domain.wording import counted
from gateway.settings.loading import Settings
from gateway.store.accounts import Accounts
from gateway.store.engine import KEYS_FILE, MAIN_FILE, Store, open_store, place_of
from gateway.store.meta import BACKED_UP, BACKED_UP_UNTIL, Meta
from gateway.store.migrate import newest, revision
from gateway.store.unseen import UnseenFields

MOST_SKEW_US = 1_000_000
"""Bearers, codes and retention are judged to the second."""
ADMIN = "admin"


async def database(patient: Patient) -> Iterable[Finding]:
    """Look at whether the database answers, durably, with the tables of this program."""
    settings = patient.settings
    if settings.database is None:
        for name in (MAIN_FILE, KEYS_FILE):
            if not (settings.state / name).exists():
                return [
                    problem("database", f"{settings.state / name} is missing", "gateway db restore FILE --keys FILE")
                ]
    found = []
    for base in ("main", "keys"):
        finding = await asyncio.to_thread(_revision, settings, base)
        found.append(finding)
    if all(one.fix is None for one in found):
        async with opened(settings) as store:
            kind = "SQLite with WAL and synchronous=FULL" if store.is_sqlite else "PostgreSQL with synchronous commits"
            found.append(ok("database", f"it answers: {kind}"))
    return found


def _revision(settings: Settings, base: str) -> Finding:
    url, schema = place_of(_place(settings), base)
    try:
        at = revision(url, schema)
    except Exception as error:  # noqa: BLE001 - the driver's message may hold the address with a password
        fix = (
            "gateway db restore FILE --keys FILE"
            if settings.database is None
            else "start the database, or correct GATEWAY_DATABASE; gateway db path shows where it is looked for"
        )
        return problem("database", f"the base {base} does not answer ({type(error).__name__})", fix)
    if at == newest():
        return ok("database", f"the base {base} is at this version ({at})")
    if at is None or at < newest():
        return problem(
            "database", f"the base {base} is at revision {at}; this program needs {newest()}", "gateway db upgrade"
        )
    fix = "install the version of the program that wrote it"
    return problem("database", f"the base {base} is at revision {at}, newer than this program", fix)


async def backup(patient: Patient) -> Iterable[Finding]:
    """Look at how old the newest copies are, and whether the copy of the keys still counts."""
    async with opened(patient.settings) as store:
        meta = Meta(store)
        made = {base: await meta.read(BACKED_UP + base) for base in ("main", "keys")}
        until = await meta.read(BACKED_UP_UNTIL + "keys")
    return [*_main_copy(patient, made["main"]), *_keys_copy(patient, made["keys"], until)]


def _main_copy(patient: Patient, made: str | None) -> Iterable[Finding]:
    most, fix = patient.settings.doctor.backup_days, "gateway db backup DIR"
    if made is None:
        return [warning("backup", "the database was never copied by gateway db backup", fix)]
    age = days(patient.now_us - int(made))
    if age >= most:
        return [
            warning("backup", f"the newest copy of the database is {age} days old; doctor.backup_days is {most}", fix)
        ]
    return [ok("backup", f"the database was copied {counted(age, 'day')} ago")]


def _keys_copy(patient: Patient, made: str | None, until: str | None) -> Iterable[Finding]:
    fix = "gateway db backup DIR --keys-only"
    if made is None:
        return [warning("backup", "the keys of people were never copied by gateway db backup", fix)]
    left_us = int(until or 0) - patient.now_us
    if left_us <= 0:
        return [problem("backup", "the newest copy of the keys of people counts no more", fix)]
    if left_us < patient.settings.doctor.backup_days * DAY_US:
        return [
            warning(
                "backup", f"the newest copy of the keys of people counts for {counted(days(left_us), 'day')} more", fix
            )
        ]
    return [ok("backup", f"the newest copy of the keys of people counts for {counted(days(left_us), 'day')} more")]


async def accounts(patient: Patient) -> Iterable[Finding]:
    """Look at who can look after the gateway, and whose second factor is missing."""
    async with opened(patient.settings) as store:
        known = [one for one in await Accounts(store).all() if one.disabled_us is None]
    people = [one for one in known if one.account.kind is PrincipalKind.PERSON]
    admins = [one for one in people if ADMIN in one.account.roles and one.enrolled]
    without = [one for one in people if not one.enrolled]
    found = []
    if not admins:
        fix = "gateway user add NAME --role admin"
        found.append(problem("accounts", "nobody with the role admin can sign in", fix))
    elif len(admins) == 1:
        fix = "gateway user add NAME --role admin"
        found.append(note("accounts", "one person alone can look after the gateway", fix))
    else:
        found.append(ok("accounts", f"{len(admins)} people with the role admin can sign in"))
    if without:
        told = f"{len(without)} of {len(people)} people have no confirmed second factor and cannot sign in"
        found.append(
            note("accounts", told, "gateway user list shows who; then gateway user enrol NAME, or user disable NAME")
        )
    return found


async def unseen_fields(patient: Patient) -> Iterable[Finding]:
    """Look at fields that stores send and no dataset declares."""
    async with opened(patient.settings) as store:
        known = await UnseenFields(store).all()
    n = {dataset: sum(one.dataset == dataset for one in known) for dataset in sorted({one.dataset for one in known})}
    return [
        note(
            "fields",
            f"{dataset} sends {counted(count, 'field')} that no rule declares; nothing of it leaves",
            "gateway dataset review",
        )
        for dataset, count in n.items()
    ]


async def clock(patient: Patient) -> Iterable[Finding]:
    """Compare this machine's clock with the database server's."""
    async with opened(patient.settings) as store:
        before_us = now_us()
        server_us = await Meta(store).server_us()
        middle_us = (before_us + now_us()) // 2
    if server_us is None:
        return [ok("clock", "the database is files of this machine, so there is no second clock to compare with")]
    return [skew("clock", "the database server", server_us - middle_us)]


def skew(check: str, whose: str, us: int) -> Finding:
    """Return what a difference between two clocks is worth."""
    told = f"the clock of {whose} is {abs(us) / 1_000_000:.1f} s {'ahead of' if us > 0 else 'behind'} this machine's"
    if abs(us) <= MOST_SKEW_US:
        return ok(check, f"the clock of {whose} and this machine's agree")
    return warning(check, told, "let both keep time by NTP: timedatectl set-ntp true")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Store]:
    """Yield the database as it is; nothing is made or changed.

    Raises:
        CannotBeTold: It cannot be opened; the message says so and no more.
    """
    if settings.database is None and not (settings.state / MAIN_FILE).exists():
        raise CannotBeTold("it cannot be told while the database is missing")
    try:
        store = await open_store(_place(settings), upgrade=False)
    except Exception as error:  # noqa: BLE001 - the driver's message may hold the address with a password
        raise CannotBeTold(f"it cannot be told while the database does not answer ({type(error).__name__})") from None
    try:
        yield store
    finally:
        await store.close()


def _place(settings: Settings) -> str | Path:
    return settings.database.get_secret_value() if settings.database else settings.state
