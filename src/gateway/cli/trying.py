# SPDX-License-Identifier: Apache-2.0
"""``gateway try``: from the address of a store to an installation before it, a look ahead, and a first call.

1 look at the store · 2 propose its dataset, unreviewed · 3 make an installation with two roles, two purposes and a
client · 4 show what each role would see of one row after the review · 5 tell what to type next.

Until the review nothing leaves to anybody. Values of the store are shown on a terminal alone: neither in JSON nor
where the answer goes into a file or a pipe.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.dataset.boards import Board
from gateway.cli.desk import asking
from gateway.cli.desk.desk import Desk, Exit, JsonOption, Stop, ended_in_words, run_to_end
from gateway.cli.first_call import HOST, first_call, program
from gateway.cli.first_call import bearer as bearer_of
from gateway.domain.names import RoleName, StoreName, is_key
from gateway.domain.own_data import OWN_STORE

if TYPE_CHECKING:
    from gateway.app.own_stores.discovering import Found
    from gateway.settings.loading import Settings

PORT = 8080
MOST_TOLD = 5
TOO_DEEP = "its rows stand in"
"""In what a look tells of an answer whose rows no dataset can say."""
OWN_NAMES = frozenset({"-", ".well-known"})


def try_(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="Base address of a JSON API.")] = None,
    *,
    openapi: Annotated[str | None, typer.Option("--openapi", metavar="FILE", help="Its OpenAPI document.")] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Folder to make. [NAME-gateway]", envvar="GATEWAY_STATE"),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="STORE", help="First segment of its paths here.")] = "store",
    path: Annotated[
        list[str] | None, typer.Option("--path", metavar="P", help="A list of it, such as /customers; several times.")
    ] = None,
    authorization_file: Annotated[
        Path | None,
        typer.Option("--authorization-file", metavar="FILE", help="Value of the Authorization header that it wants."),
    ] = None,
    bearer: Annotated[
        bool, typer.Option("--bearer", help="Print a bearer of the client that was made; the gateway must be serving.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Put a gateway before an API of one's own, and see what each role would see of it."""
    with ended_in_words():
        folder = (state or Path(f"{name}-gateway")).absolute()
        desk = Desk(folder, None, json=json)
        if bearer:
            told = bearer_of(desk)
            desk.paper.answer({"access_token": told}, lambda: print(told))
            return
        if url is None:
            raise Stop("which store? Give the base address of its API, such as http://127.0.0.1:9000/api")
        _Try(desk, folder, StoreName(name), url, authorization_file).run(openapi, path or ())


class _Try:
    """One run of the command."""

    def __init__(self, desk: Desk, folder: Path, store: StoreName, url: str, authorization_file: Path | None) -> None:
        self._desk, self._folder, self._store, self._url = desk, folder, store, url
        self._authorization_file = authorization_file

    def run(self, openapi: str | None, paths: Sequence[str]) -> None:
        from gateway.app.own_stores.trying import check_free

        if not is_key(self._store) or "." in self._store or self._store in OWN_NAMES or self._store.startswith("-"):
            raise Stop("--name must be one word of letters, digits, hyphens and underscores")
        if self._store == OWN_STORE:
            raise Stop(f"{OWN_STORE} is the name of the gateway itself; give the store another with --name")
        check_free(self._folder)
        found = self._look(openapi, paths)
        files = self._files(found)
        settings = self._made(files)
        self._tell(found, files, settings)

    def _look(self, openapi: str | None, paths: Sequence[str]) -> "Found":
        with self._desk.paper.working(f"Looking at {self._url}"):
            found = self._asked(self._url, openapi, paths)
        if not _is_list_found(found):
            raise Stop(
                _nothing_found(self._url, found, is_authorized=self._authorization_file is not None), Exit.FAILED
            )
        # Whoever gives the address of a list means the API that it is of.
        self._url = found.base_url
        for sentence in found.told:
            self._desk.paper.tell(f"note: {sentence}")
        return found

    def _asked(self, url: str, openapi: str | None, paths: Sequence[str]) -> "Found":
        from gateway.app.own_stores.discovering import look
        from gateway.domain.errors import StoreUnreachable

        file = self._authorization_file
        authorization = asking.first_line(file).strip() if file else None
        try:
            return run_to_end(look(url, self._store, openapi=openapi, paths=paths, authorization=authorization))
        except StoreUnreachable:
            raise Stop(
                f"nothing answers at {url}: start the store, or give the address at which it listens", Exit.FAILED
            ) from None

    def _files(self, found: "Found") -> dict[str, bytes]:
        from gateway.app.own_stores.starting import starter_files
        from gateway.discover.dataset_yaml import dataset_yaml

        return starter_files(self._store, dataset_yaml(found.proposal))

    def _made(self, files: Mapping[str, bytes]) -> "Settings":
        from gateway.app.own_stores.showing import decider_of
        from gateway.app.own_stores.starting import settings_content
        from gateway.app.own_stores.trying import free_port, make

        decider_of(files)  # rules that do not load are told before anything is made
        file = self._authorization_file
        content = settings_content(
            self._store,
            self._url,
            host=HOST,
            port=free_port(HOST, PORT),
            authorization_file=str(file.absolute()) if file else None,
        )
        with self._desk.paper.working("Making the installation"):
            return make(self._folder, content, files, by=self._desk.by)

    def _tell(self, found: "Found", files: Mapping[str, bytes], settings: "Settings") -> None:
        from gateway.app.clock import now_us
        from gateway.app.joins import SurrogateKeyring
        from gateway.app.keyring import open_keyring
        from gateway.app.own_stores.showing import (
            as_if_confirmed,
            decider_of,
            rows_of,
            rows_told,
            table,
            viewers_of,
            words_for,
        )
        from gateway.app.own_stores.trying import CLIENT_FILE

        decider, at_us = decider_of(as_if_confirmed(files)), now_us()
        viewers, catalog = viewers_of(decider.rules, self._store), decider.rules.catalog
        own = {name: one for name, one in catalog.collections.items() if name.split(".", 1)[0] == self._store}
        rows = {name: rows_of(found.samples, catalog.routes, name) for name in own}
        is_shown = not self._desk.json and sys.stdout.isatty()
        keys = SurrogateKeyring(open_keyring(settings))
        boards = []
        for name, collection in own.items():
            words = [words_for(decider, viewer, name, at_us) for viewer in viewers]
            shown = table(decider, collection, rows[name], viewers, keys, at_us) if is_shown else ()
            boards.append(Board(collection=collection, words=tuple(words), shown=shown))
        if is_shown:
            run_to_end(self._entered(settings, sum(bool(each) for each in rows.values())))
        first = first_call(self._folder, settings, decider)
        sentences = {
            viewer.role: sorted({one for name in rows for one in rows_told(decider, viewer, name, at_us)})
            for viewer in viewers
        }
        document = {
            "state": str(self._folder),
            "reviewed": False,
            "client": str(self._folder / CLIENT_FILE),
            "first_call": first,
            "viewers": {viewer.role: viewer.purpose for viewer in viewers},
            "rows": sentences,
            "after_review": {
                board.collection.dataset: board.document([viewer.role for viewer in viewers]) for board in boards
            },
        }
        roles = [viewer.role for viewer in viewers]
        self._desk.paper.answer(document, lambda: self._tell_people(boards, roles, sentences, first))

    async def _entered(self, settings: "Settings", n_rows: int) -> None:
        """Enter that rows of the store were shown to whoever gave the command."""
        from gateway.app.installation import open_installation
        from gateway.app.slots import CLI_SLOT
        from gateway.domain.entry import Looked

        async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
            await rooms.log.append(Looked(by=self._desk.by, what="store-rows", query=self._store, rows=n_rows))

    def _tell_people(
        self, boards: Sequence[Board], roles: Sequence[str], sentences: Mapping[RoleName, Sequence[str]], first: str
    ) -> None:
        paper, folder = self._desk.paper, shlex.quote(str(self._folder))
        for board in boards:
            paper.table(
                ("field", "the store's value", *(f"{role} would see" for role in roles)),
                board.rows(),
                title=f"{board.collection.dataset}: what each role would see of it AFTER your review",
            )
            paper.say("")
        for role, said in sentences.items():
            for sentence in said:
                paper.say(f"{role}: {sentence}")
        paper.say(
            "Today nobody sees any of it: nothing is reviewed, and what is not reviewed is dropped.", style="bold"
        )
        paper.say("")
        paper.say(f"{self._folder} is an installation. Password and authenticator secret of `admin`, and the secret of")
        paper.say("the client, were made up and lie in files there that only you can read. Before anybody else calls:")
        paper.say(f"say who you are in {self._folder / 'policies' / 'organisation.yaml'}; it holds placeholders.")
        paper.say("")
        paper.say("Next, each line as it stands:", style="bold")
        paper.say(f"{program()} dataset review --state {folder}")
        paper.say(f"{program()} serve --state {folder} &")
        paper.say(first)


def _is_list_found(found: "Found") -> bool:
    return any(one.routes and one.fields for one in found.proposal.collections)


def _nothing_found(url: str, found: "Found", *, is_authorized: bool) -> str:
    """Return what was seen and what to do about it."""
    deep = [one for one in found.proposal.unsupported if TOO_DEEP in one]
    said = [f"no list of rows was found at {url}.", *(f"{one}." for one in (*deep, *found.told)[:MOST_TOLD])]
    if any("401" in one or "403" in one for one in found.told):
        said.append(
            "The store does not take what --authorization-file holds; it is the whole value, such as `Bearer …`."
            if is_authorized
            else "The store wants to know who asks: write the value of its Authorization header into a file and give "
            "it with --authorization-file FILE."
        )
    elif deep:
        said.append("If the API has the same list in another form or under another path, name that: --path /customers.")
    elif found.samples:
        asked = ", ".join(dict.fromkeys(f"GET {one.path}" for one in found.samples[:MOST_TOLD]))
        said.append(f"{asked} answered without a row to learn from: put one there, or give --openapi FILE.")
    else:
        said.append("Name a path that answers with rows as JSON: --path /customers; or give --openapi FILE.")
    return "\n".join(said)
