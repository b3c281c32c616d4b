# SPDX-License-Identifier: Apache-2.0
"""Asks a store that nobody has declared yet, by GET alone and within bounds, on the same road as every call.

RULES

1. A look is so many calls, so many bytes of each answer and so much time; what is beyond is not asked.
2. No redirect is followed, no proxy of the environment is used, and the address was judged (``forward``).
3. What was asked in vain is told by path and cause, without a byte of the store.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import unquote

import yaml
from typing_extensions import override

from gateway.app.traces import Look, untold
from gateway.discover.columns import shown
from gateway.discover.cutting import whole_rows
from gateway.discover.openapi import is_openapi
from gateway.discover.sample import Sample
from gateway.domain import strictjson
from gateway.domain.errors import SettingsError, StoreMisbehaved, StoreUnreachable
from gateway.domain.media import LOOK
from gateway.domain.names import StoreName
from gateway.forward.calls import StoreCall, path_below
from gateway.forward.http import HttpStores, StoreAnswer

MOST_CALLS = 240
MOST_BYTES = 1 << 20
MOST_DOCUMENT_BYTES = 8 << 20
MOST_VALUES = 1 << 20
MOST_DEPTH = 64
MOST_MERGED, MOST_MERGED_AT_ONCE = 100_000, 1_000
"""Members that merge keys of YAML put into all objects, and what one of them may name."""
MOST_PLAIN_CHARACTERS = 10_000
"""Of a scalar of YAML that stands without quotes and may be more than a text."""

Query = Sequence[tuple[str, str]]


class Looker:
    """One look at one store.

    Attributes:
        samples: What came, in the order in which it was asked for.
        told: What was asked in vain.
    """

    def __init__(self, stores: HttpStores, store: StoreName, trace: Look = untold) -> None:
        """Begin with nothing seen."""
        self._stores, self._store, self._trace = stores, store, trace
        self.samples: list[Sample] = []
        self.told: list[str] = []
        self.n_calls = 0

    async def sample(self, path: str, query: Query = (), *, quiet: bool = False) -> Sample | None:
        """Return an answer in JSON and keep it; ``None`` where there is none.

        Args:
            path: Below the store's base URL.
            query: Names and values.
            quiet: Not to tell of an answer that is none: it was only tried.

        Raises:
            StoreUnreachable: Nobody answers there at all.
        """
        found = await self._asked(path, query, MOST_BYTES, quiet=quiet)
        if found is None:
            return None
        raw, listing, cut = found
        body = _json(raw, cut=cut)
        if body is None:
            if not quiet:
                self.told.append(f"`GET {shown(path)}` did not answer with JSON that can be read")
            return None
        sample = Sample(path=path, query=tuple(query), body=body, headers=listing, cut=cut)
        self.samples.append(sample)
        return sample

    async def document(self, path: str) -> object:
        """Return a decoded description of the store, in JSON or YAML; ``None`` where there is none."""
        found = await self._asked(path, (), MOST_DOCUMENT_BYTES, quiet=True)
        return None if found is None or found[2] else decoded(found[0])

    async def _asked(
        self, path: str, query: Query, most_bytes: int, *, quiet: bool
    ) -> tuple[bytes, tuple[tuple[str, str], ...], bool] | None:
        if self.n_calls >= MOST_CALLS:
            return None
        self.n_calls += 1
        call = StoreCall(
            store=self._store,
            method="GET",
            path=canonical(path),
            slash=path.endswith("/"),
            query=tuple(query),
            headers=self._trace(),
            kind=LOOK,
            partial=True,
        )
        try:
            async with self._stores.call(call) as answer:
                if answer.absent:
                    problem = "there is nothing"
                else:
                    return await _read(answer, most_bytes)
        except StoreUnreachable as error:
            if not self.samples and error.not_sent:
                raise
            problem = str(error)
        except (StoreMisbehaved, ValueError) as error:
            problem = str(error)
        # A store that wants to know who asks says so on every path: that is worth telling of a try as well.
        if not quiet or problem.endswith((" 401", " 403")):
            self.told.append(f"`GET {shown(path)}`: {problem}")
        return None


async def _read(answer: StoreAnswer, most_bytes: int) -> tuple[bytes, tuple[tuple[str, str], ...], bool]:
    """Return the body as far as it is wanted, the headers of lists, and whether more would have come."""
    found = bytearray()
    async for chunk in answer.chunks():
        found += chunk
        if len(found) > most_bytes:
            return bytes(found[:most_bytes]), answer.listing, True
    return bytes(found), answer.listing, False


def canonical(path: str) -> str:
    """Return a path as the road sends it, without a slash at its end; the root is ``/``."""
    segments = [unquote(segment) for segment in path.split("/") if segment]
    return path_below(segments) or "/"


def decoded(raw: bytes) -> object:
    """Return a text in JSON or YAML as values; ``None`` where it is neither."""
    if len(raw) > MOST_DOCUMENT_BYTES:
        return None
    try:
        return strictjson.read(raw, max_bytes=MOST_DOCUMENT_BYTES, max_depth=MOST_DEPTH, max_values=MOST_VALUES)
    except ValueError:
        pass
    if raw.lstrip()[:1] in (b"<", b"[", b""):
        return None
    try:
        text = raw.decode("utf-8")
        # Looked at before: what composes a text goes down into it on the machine's own stack.
        return yaml.load(text, Loader=_DocumentLoader) if _is_flat(text) else None  # noqa: S506 - a safe one
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError):
        # AttributeError is what the library makes of a `!!timestamp` that is none.
        return None


def _is_flat(text: str) -> bool:
    """Tell whether a text in YAML is of bounded depth and size, without making anything of it."""
    depth = 0
    for n, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH or n > 2 * MOST_VALUES or _is_long_number(event):
            return False
    return True


def _is_long_number(event: yaml.Event) -> bool:
    """Tell whether a text may be a number whose reckoning costs more than its length: YAML knows those of base 60."""
    if not isinstance(event, yaml.ScalarEvent) or (event.style and event.tag is None):
        return False
    return len(event.value) > MOST_PLAIN_CHARACTERS


class _DocumentLoader(yaml.CSafeLoader):
    """Reads a description; merge keys, of which each can be ten times the one before, give no more than is read."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._n_merged = 0

    @override
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        merged = [value for key, value in node.value if key.tag == _MERGE]
        before = len(node.value)
        if sum(len(one.value) for one in merged if isinstance(one, yaml.SequenceNode)) > MOST_MERGED_AT_ONCE:
            raise yaml.YAMLError("a merge key of too many objects")
        super().flatten_mapping(node)
        self._n_merged += max(0, len(node.value) - before)
        if self._n_merged > MOST_MERGED:
            raise yaml.YAMLError("merge keys make too much of a little")


_MERGE = "tag:yaml.org,2002:merge"


def document_in(path: Path) -> Mapping[str, object]:
    """Return the OpenAPI document of a file.

    Raises:
        SettingsError: It cannot be read, or is none.
    """
    try:
        found = decoded(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if not is_openapi(found):
        raise SettingsError(f"{path} is no OpenAPI document of version 2 or 3, in JSON or YAML")
    return cast("Mapping[str, object]", found)


def _json(raw: bytes, *, cut: bool) -> object:
    text = whole_rows(raw) if cut else raw
    if text is None:
        return None
    try:
        return strictjson.read(text, max_bytes=MOST_BYTES + 8, max_values=MOST_VALUES)
    except ValueError:
        return None
