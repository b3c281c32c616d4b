# SPDX-License-Identifier: Apache-2.0
"""``gateway dataset infer``: what a store holds and how it is asked, proposed from its own words and a few rows.

Nothing of a proposal leaves to anybody: every field says ``reviewed: no``. What is told here are names of fields and how
many values looked like what, never a value.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.names import StoreName, is_key
from gateway.domain.own_data import OWN_STORE

if TYPE_CHECKING:
    from gateway.app.own_stores.discovering import Found
    from gateway.discover.merging import Merged
    from gateway.domain.proposal import CollectionProposal, FieldProposal
    from gateway.settings.loading import Settings


@command
async def infer(
    desk: Desk,
    store: Annotated[str, typer.Argument(metavar="STORE", help="First segment of its paths at the gateway.")],
    url: Annotated[str | None, typer.Option("--url", metavar="U", help="Its address. [as gateway.yaml has it]")] = None,
    openapi: Annotated[
        str | None, typer.Option("--openapi", metavar="FILE", help="Its OpenAPI document, or where the store has it.")
    ] = None,
    path: Annotated[
        list[str] | None, typer.Option("--path", metavar="P", help="A list of it, such as /customers; several times.")
    ] = None,
    authorization_file: Annotated[
        Path | None,
        typer.Option("--authorization-file", metavar="FILE", help="With --url: value of the Authorization header."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write there. [policies/datasets/STORE.yaml]")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write anew what is there, with everything that somebody reviewed.")
    ] = False,
) -> None:
    """Propose the dataset of a store; nothing leaves of it before it is reviewed."""
    from gateway.app.own_stores import inferring
    from gateway.cli.desk import asking

    if not is_key(store) or "." in store:
        raise Stop(f"{store} is no name for a store: letters, digits, `_` and `-`")
    if store == OWN_STORE:
        raise Stop(f"{OWN_STORE} is the name of the gateway itself; a store needs another")
    settings = None if url is not None and out is not None else desk.settings
    authorization = asking.first_line(authorization_file).strip() if authorization_file is not None else None
    with desk.paper.working(f"Looking at {store}"):
        found = await inferring.find(
            settings, StoreName(store), url=url, openapi=openapi, paths=path or (), authorization=authorization
        )
    if not found.proposal.collections:
        told = "; ".join((*found.told, *found.proposal.unsupported)) or "no list with rows was found"
        raise Stop(f"nothing of {store} could be declared: {told}", Exit.FAILED)
    target = out if out is not None or settings is None else inferring.file_for(settings, StoreName(store))
    if target is None:
        raise Stop("where to? Give --out")
    text = inferring.text_for(target, found, replace=replace)
    if settings is not None:
        async with desk.open_log() as log:
            await inferring.enter(log, StoreName(store), found, text, by=desk.by)
    if text.is_new:
        inferring.write(target, text.text)
    _answer(desk, store, target, found, text, settings)


def _answer(desk: Desk, store: str, target: Path, found: "Found", text: "Merged", settings: "Settings | None") -> None:
    from gateway.app.own_stores.inferring import Told

    document = Told(
        store=store,
        file=str(target) if text.is_new else None,
        described_at=found.described_at,
        proposal=found.proposal,
        new_collections=text.collections,
        new_fields=text.fields,
        new_routes=text.routes,
        notes=found.told,
    )
    desk.paper.answer(document, lambda: _tell(desk, store, target, found, text, settings))


def _tell(desk: Desk, store: str, target: Path, found: "Found", text: "Merged", settings: "Settings | None") -> None:
    from gateway.app.own_stores.inferring import n_waiting

    paper = desk.paper
    for one in found.proposal.collections:
        paper.say(f"{store}.{one.name}: {_whose(one)}", style="bold")
        for route in one.routes:
            paper.say(f"  {route.method} {route.template} ({route.operation}): {' '.join(route.parameters)}")
        paper.table(
            ("field", "type", "category", "confidence", "evidence"),
            [
                (field.name, field.type.value, " ".join(field.categories), field.confidence.value, _evidence(field))
                for field in one.fields
            ],
        )
    for sentence in (*found.proposal.unsupported, *(s for one in found.proposal.collections for s in one.unsupported)):
        paper.say(f"not declared: {sentence}", style="yellow")
    for note in found.told:
        paper.tell(f"note: {note}")
    if not text.is_new:
        paper.say(f"{target} has all of it already; nothing was written")
        return
    what = ", ".join(
        f"{len(names)} {word}"
        for word, names in (("collections", text.collections), ("fields", text.fields), ("routes", text.routes))
        if names
    )
    paper.say(
        f"{target}: {what} new; {n_waiting(found)} fields found in all, and nothing leaves of one that is not reviewed"
    )
    if settings is not None:
        paper.say(f"next: gateway dataset review {store}, then gateway check --reload")


def _whose(one: "CollectionProposal") -> str:
    if one.subject is None:
        return "nothing told whom a row is about; each row counts as one person until somebody has looked"
    return f"rows about {one.subject[1]} in {one.subject[0]}"


def _evidence(field: "FieldProposal") -> str:
    from gateway.discover.dataset_yaml import evidence_sentences

    return "; ".join(evidence_sentences(field))
