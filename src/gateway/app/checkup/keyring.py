# SPDX-License-Identifier: Apache-2.0
"""Keys: whether the key-encryption key opens them, and how old those are that can be rotated."""

from collections.abc import Iterable

from gateway.app.checkup.findings import DAY_US, Finding, Patient, days, note, ok, problem
from gateway.app.keyring import open_keyring
from gateway.domain.errors import GatewayError
from gateway.domain.key_labels import for_life
from gateway.domain.wording import counted
from gateway.keys.keyring import Keyring, KeyState


async def keys(patient: Patient) -> Iterable[Finding]:
    """Look at the keyring."""
    try:
        keyring = open_keyring(patient.settings)
    except GatewayError as error:
        fix = (
            str(error).rpartition(": ")[2]
            if "chmod" in str(error)
            else "put keys/ back from its backup, or give GATEWAY_KEK_FILE"
        )
        return [problem("keys", str(error), fix)]
    broken = _unopened(keyring)
    if broken:
        fix = "give the key-encryption key that this keyring was made with: keys/kek, or GATEWAY_KEK_FILE"
        return [problem("keys", f"{counted(len(broken), 'key')} cannot be opened with the key-encryption key", fix)]
    begun = "a change of the key-encryption key was begun and has not ended"
    return [
        *([note("keys", begun, "gateway key change-kek")] if keyring.is_changing else []),
        ok("keys", f"the key-encryption key opens {counted(len(keyring.labels()), 'key')}"),
        *_ages(patient, keyring),
    ]


def _unopened(keyring: Keyring) -> list[str]:
    found = []
    for label in keyring.labels():
        for one in keyring.versions(label):
            try:
                if one.state is not KeyState.SHREDDED:
                    keyring.version(label, one.version)
            except GatewayError:
                found.append(label)
    return found


def _ages(patient: Patient, keyring: Keyring) -> Iterable[Finding]:
    most = patient.settings.doctor.key_days
    old = 0
    for label in keyring.labels():
        active = [one for one in keyring.versions(label) if one.state is KeyState.ACTIVE]
        age_us = patient.now_us - max((one.created_us for one in active), default=patient.now_us)
        if for_life(label) is not None or age_us <= most * DAY_US:
            continue
        old += 1
        versions = counted(len(keyring.versions(label)), "version")
        yield note(
            "keys",
            f"the key {label} ({versions}) was last rotated {days(age_us)} days ago; doctor.key_days is {most}",
            f"gateway key rotate {label}",
        )
    if not old:
        yield ok("keys", f"no key that can be rotated is older than {most} days")
