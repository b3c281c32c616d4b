# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate``: the commands under their names."""

import typer

from gateway.cli.surrogate import approve, migrate, prove_unreadable, reveal, trace

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Virtual IDs that stand in values' places.")

app.command("trace")(trace.trace)
app.command("migrate")(migrate.migrate)
app.command("prove-unreadable")(prove_unreadable.prove_unreadable)
app.command("reveal")(reveal.reveal)
app.command("approvals")(approve.approvals)
app.command("approve")(approve.approve)
