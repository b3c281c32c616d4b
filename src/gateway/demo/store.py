# SPDX-License-Identifier: Apache-2.0
"""The sample CRM, shop and mail service: REST over a SQLite file, for the gateway to stand in front of.

It shows all it has to whoever asks, lets whoever asks write to customers and contacts, answers on 127.0.0.1 only, and
knows nothing of the gateway. Run alone: ``python -m gateway.demo.store --db FILE --port N [--access-log FILE]``; port 0
takes a free one, and the first line of output names it.
"""

import contextlib
import socket
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.demo.access_log import AccessLog
from gateway.demo.questions import Question, Unanswerable, batch_from, question_from, search_from
from gateway.demo.tables import CONTACTS, CUSTOMERS, ORDERS, Table, make
from gateway.demo.writes import Done, Writer, tag_of
from gateway.domain.errors import SettingsError

__all__ = ["app", "listener", "make", "serve"]

HOST = "127.0.0.1"
MOST_MESSAGES = 100
"""How many of the newest messages the mail service shows."""


class Readers:
    """Read-only connections, one for each call at a time; idle ones are kept for the next."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet, but be sure that the file is there.

        Raises:
            SettingsError: There is no such file.
        """
        if not path.is_file():
            raise SettingsError(f"there is no sample store at {path}")
        self._uri = f"{path.resolve().as_uri()}?mode=ro"
        self._idle: list[sqlite3.Connection] = []

    @contextlib.contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False, isolation_level=None)
            connection.text_factory = bytes
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


def app(path: Path) -> Starlette:
    """Return the store over a file that ``make`` wrote.

    Raises:
        SettingsError: There is no such file.
    """
    readers, writer, taken = Readers(path), Writer(path), deque[object](maxlen=MOST_MESSAGES)

    # The endpoints are plain functions: Starlette runs them in threads, where SQLite may wait.
    def customers(request: Request) -> Response:
        return _page(readers, CUSTOMERS, request)

    def customer(request: Request) -> Response:
        return _record(readers, CUSTOMERS, request.path_params["id"])

    async def search(request: Request) -> Response:
        question = search_from(CUSTOMERS, await _said(request))
        return await run_in_threadpool(_page_of, readers, question)

    async def batch(request: Request) -> Response:
        question = batch_from(CUSTOMERS, await _said(request))
        return await run_in_threadpool(_list_of, readers, question)

    async def create(request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        return _written(await run_in_threadpool(writer.create, CUSTOMERS, await _said(request), key=key))

    async def create_contacts(request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        return _written(await run_in_threadpool(writer.create_many, CONTACTS, await _said(request), key=key))

    async def change(request: Request) -> Response:
        asked = {"match": request.headers.get("if-match"), "key": request.headers.get("idempotency-key")}
        said = await _said(request)
        return _written(await run_in_threadpool(writer.change, CUSTOMERS, request.path_params["id"], said, **asked))

    def delete(request: Request) -> Response:
        return _written(writer.delete(CUSTOMERS, request.path_params["id"], match=request.headers.get("if-match")))

    async def take_message(request: Request) -> Response:
        # A mail service: it takes messages, and sends none of them anywhere.
        said = await _said(request)
        if not isinstance(said, dict) or "to" not in said:
            return _error("a message has no address", status=422)
        taken.append(said)
        return Response(status_code=202)

    def messages(_request: Request) -> Response:
        return _json(msgspec.json.encode(list(taken)))

    def contacts(request: Request) -> Response:
        return _list(readers, CONTACTS, request)

    def orders(request: Request) -> Response:
        return _page(readers, ORDERS, request)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        readers.close()
        writer.close()

    return Starlette(
        routes=[
            Route("/crm/customers", customers),
            Route("/crm/customers", create, methods=["POST"]),
            Route("/crm/customers/search", search, methods=["POST"]),
            Route("/crm/customers/batch", batch, methods=["POST"]),
            Route("/crm/customers/{id}", customer),
            Route("/crm/customers/{id}", change, methods=["PATCH"]),
            Route("/crm/customers/{id}", delete, methods=["DELETE"]),
            Route("/crm/contacts", contacts),
            Route("/crm/contacts/bulk", create_contacts, methods=["POST"]),
            Route("/shop/orders", orders),
            Route("/mailer/messages", messages),
            Route("/mailer/messages", take_message, methods=["POST"]),
        ],
        exception_handlers={Unanswerable: _unanswerable},
        lifespan=lifespan,
    )


def _page(readers: Readers, table: Table, request: Request) -> Response:
    return _page_of(readers, question_from(table, request.query_params.multi_items()))


def _page_of(readers: Readers, question: Question) -> Response:
    with readers.reader() as reader:
        (total,) = reader.execute(question.total_sql, question.values).fetchone()
        items = _array(reader, question)
    return _json(b'{"items":%b,"total":%d,"limit":%d,"offset":%d}' % (items, total, question.limit, question.offset))


def _list(readers: Readers, table: Table, request: Request) -> Response:
    return _list_of(readers, question_from(table, request.query_params.multi_items()))


def _list_of(readers: Readers, question: Question) -> Response:
    with readers.reader() as reader:
        return _json(_array(reader, question))


async def _said(request: Request) -> object:
    try:
        return msgspec.json.decode(await request.body())
    except msgspec.MsgspecError as error:
        raise Unanswerable("the body is not JSON") from error


def _record(readers: Readers, table: Table, record_id: str) -> Response:
    question = question_from(table, [("id", record_id)])
    with readers.reader() as reader:
        found = _rows(reader, question)
    if not found:
        return _error("there is no such record", status=404)
    answer = _json(found[0])
    answer.headers["etag"] = tag_of(found[0])
    return answer


def _array(reader: sqlite3.Connection, question: Question) -> bytes:
    return b"[%b]" % b",".join(_rows(reader, question))


def _rows(reader: sqlite3.Connection, question: Question) -> list[bytes]:
    return [row for (row,) in reader.execute(question.rows_sql, (*question.values, question.limit, question.offset))]


def _unanswerable(_request: Request, error: Exception) -> Response:
    return _error(str(error), status=400)


def _written(done: Done) -> Response:
    if done.sentence:
        return _error(done.sentence, status=done.status)
    if not done.record:
        return Response(status_code=done.status)
    answer = _json(done.record, status=done.status)
    answer.headers["etag"] = tag_of(done.record)
    return answer


def _error(sentence: str, *, status: int) -> Response:
    return _json(msgspec.json.encode({"error": sentence}), status=status)


def _json(body: bytes, *, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")


def listener(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; callers may connect before the server runs.

    Args:
        port: 0 takes a free one.

    Raises:
        SettingsError: The port is taken.
    """
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise SettingsError(f"port {port} of {HOST} is taken") from error
    return listening


def serve(path: Path, listening: socket.socket, access_log: Path | None = None) -> None:
    """Serve the file on the socket until the process is told to end; with an access log, a line for each call."""
    store = app(path) if access_log is None else AccessLog(app(path), access_log)
    server = uvicorn.Server(uvicorn.Config(store, log_level="warning", access_log=False, server_header=False))
    server.run(sockets=[listening])


def main(
    db: Annotated[Path, typer.Option(help="Store file.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    access_log: Annotated[Path | None, typer.Option(help="Write a line for each call there, with its trace.")] = None,
) -> None:
    """Run the sample store alone."""
    try:
        listening = listener(port)
        typer.echo(f"sample store on http://{HOST}:{listening.getsockname()[1]}")
        serve(db, listening, access_log)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
