# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoints of logs, stamped by a time authority and kept beside them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.forward.witness import TimeAuthority
from gateway.keys.stamps import stamp_query
from gateway.record.format.stamps import Stamp, keep_stamp
from gateway.record.proof.proving import Prover


class Stamped(msgspec.Struct, frozen=True, kw_only=True):
    """One log's stamp: over how many entries, when by the authority's clock, and where its answer is kept."""

    slot: str
    size: int
    at_us: int
    file: str


async def stamp_logs(
    directories: Sequence[Path], url: str, roots_pem: bytes, *, ca_pem: bytes | None = None
) -> list[Stamped]:
    """Stamp the newest checkpoint of each log; what is kept was found right.

    Args:
        directories: Of the slots.
        url: Of the time authority.
        roots_pem: Certificates that its stamps must rest on.
        ca_pem: Certificates to trust for its TLS, beside the system's.

    Raises:
        SettingsError: The library, the address or the certificates cannot be used.
        WitnessSilent: The authority does not answer.
        StampInvalid: Its answer proves nothing.
        LogDamaged: A log has no right checkpoint.
    """
    found = []
    async with TimeAuthority(url, ca_pem=ca_pem) as authority:
        for directory in directories:
            newest = Prover(directory).newest()
            query, check = stamp_query(newest.note.encode(), roots_pem)
            answer = await authority.stamp(query)
            at_us = check(answer)
            path = keep_stamp(directory, Stamp(newest.state.size, newest.note.encode(), answer))
            found.append(Stamped(slot=directory.name, size=newest.state.size, at_us=at_us, file=str(path)))
    return found
