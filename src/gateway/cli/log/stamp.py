# SPDX-License-Identifier: Apache-2.0
"""``gateway log stamp``: the newest checkpoints under the stamp of a time authority (RFC 3161), an extra."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.desk.desk import Desk, command
from gateway.cli.log.verify import Slot, directories
from gateway.domain.wording import counted


@command
async def stamp(
    desk: Desk,
    tsa: Annotated[str, typer.Option("--tsa", metavar="URL", help="The time authority.")],
    roots: Annotated[Path, typer.Option("--tsa-ca", metavar="FILE", help="Certificates its stamps rest on, PEM.")],
    tls: Annotated[
        Path | None, typer.Option("--tls-ca", metavar="FILE", help="Certificates to trust for its TLS, PEM.")
    ] = None,
    slot: Slot = None,
) -> None:
    """Let a time authority stamp the newest checkpoints. What it sees is a hash; the stamp is kept beside the log."""
    from gateway.app.evidence.stamping import stamp_logs
    from gateway.cli.desk.moments import written

    folders, ca_pem = directories(desk, slot), None if tls is None else tls.read_bytes()
    found = await stamp_logs(folders, tsa, roots.read_bytes(), ca_pem=ca_pem)
    desk.paper.answer(
        [{"slot": one.slot, "size": one.size, "at_us": one.at_us, "file": one.file} for one in found],
        lambda: desk.paper.say(
            "\n".join(f"{one.slot}: {counted(one.size, 'entry')} at {written(one.at_us)}, {one.file}" for one in found)
        ),
    )
