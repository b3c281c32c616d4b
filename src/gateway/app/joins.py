# SPDX-License-Identifier: Apache-2.0
"""Small joins between a stage's own Protocol and the room that fills it; no rule is made here."""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import blake2b
from types import TracebackType

from gateway.app.clock import ticks_s
from gateway.app.current import CURRENT, Span
from gateway.app.traces import Traces
from gateway.domain.decision import Deny
from gateway.domain.names import StoreName
from gateway.domain.principal import Principal
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access.ports.stores import StoreCall
from gateway.forward.calls import StoreCall as HttpCall
from gateway.forward.http import Asking, HttpStores
from gateway.forward.http import StoreAnswer as HttpAnswer
from gateway.identify.identify import Identify, SignInProblem
from gateway.identify.sessions import Revocations
from gateway.keys.keyring import Key, Keyring
from gateway.store.meta import Meta
from gateway.store.versions import Topic
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.treat import RUNGS

KEPT_CODECS = 1024


def is_band(rung: Rung, text: str) -> bool:
    """Tell whether a text is what a rung writes: a band is its own band."""
    function = RUNGS.get(rung)
    return function is not None and function(text) == text


class SurrogateKeyring:
    """The keys of join domains, as surrogates need them; a domain gets its key when it is first used."""

    def __init__(self, keyring: Keyring) -> None:
        """Keep the keyring."""
        self._keyring = keyring

    def current(self, label: str) -> Key:
        """Return the key that new surrogates are made with."""
        return self._keyring.ensure(label)

    def version(self, label: str, version: int) -> Key:
        """Return a key that surrogates in the world were made with."""
        return self._keyring.version(label, version)


class AnnouncedRules:
    """What is remembered of rules; a digest that comes into force here is announced to every other process.

    So a door that starts with what the folder holds by then does not decide by other rules than those that
    run already: they read the folder too.
    """

    def __init__(self, meta: Meta) -> None:
        """Keep the facts of the installation."""
        self._meta = meta

    async def read(self, key: str) -> str | None:
        """Return a fact, if it was ever written."""
        return await self._meta.read(key)

    async def write(self, key: str, value: str) -> None:
        """Write a fact and announce it."""
        await self._meta.write(key, value, announce=Topic.RULES)


class IdempotencyKeyring:
    """Keys of idempotency as stores get them: digests under a key that never leaves the keyring."""

    def __init__(self, keyring: Keyring) -> None:
        """Make the key if there is none."""
        self._key = keyring.ensure("idempotency").secret

    def for_store(self, stated: str, whose: Sequence[str]) -> str:
        """Return 43 characters of base64url that tell nothing of what the caller stated."""
        return urlsafe_b64encode(self._digest(stated, whose, b"idempotency")).rstrip(b"=").decode("ascii")

    def digest(self, stated: str, whose: Sequence[str]) -> bytes:
        """Return 32 bytes that tell nothing of what the caller stated, for a message."""
        return self._digest(stated, whose, b"message")

    def _digest(self, stated: str, whose: Sequence[str], use: bytes) -> bytes:
        # Framed by length: no other texts spell the same bytes.
        parts = (part.encode("utf-8", "surrogatepass") for part in (*whose, stated))
        text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return blake2b(text, key=self._key, digest_size=32, person=use).digest()


class CodecShelf:
    """Codecs by plan, compiled once each; emptied when it is full and when keys change."""

    def __init__(self, keys: SurrogateKeyring) -> None:
        """Begin empty."""
        self._keys = keys
        self._codecs: dict[ViewPlan, Codec] = {}

    def __call__(self, plan: ViewPlan) -> Codec:
        """Return the codec of a plan."""
        codec = self._codecs.get(plan)
        if codec is None:
            if len(self._codecs) >= KEPT_CODECS:
                self._codecs.clear()
            codec = self._codecs[plan] = compile_codec(plan, self._keys)
        return codec

    def clear(self) -> None:
        """Forget every codec, because keys were rotated or shredded."""
        self._codecs.clear()


EXPIRED = "The bearer was good and has expired."


class IdentifyJoin:
    """Identification in the access flow's words."""

    def __init__(self, identify: Identify, revocations: Revocations) -> None:
        """Keep both."""
        self._identify, self._revocations = identify, revocations

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""
        found = self._identify.principal(authorization, now_us)
        if isinstance(found, SignInProblem):
            # Told only of a bearer whose signature holds: whoever shows it knows when it ends.
            title = EXPIRED if found.why == "expired" else None
            return Deny(reason=found.reason, rule=found.why, title=title)
        return found

    def is_revoked(self, who: Principal) -> bool:
        """Tell whether the sign-in was ended or the account disabled."""
        return self._revocations.is_revoked(who.session, who.account)


class _Answer:
    """A store's answer in the access flow's words."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.chunks: Callable[[], AsyncIterator[bytes]] = answer.chunks
        self.absent, self.status, self.etag = answer.absent, answer.status, answer.etag


class HttpTarget:
    """Stores reached over HTTP, as step 3 asks them."""

    def __init__(
        self,
        stores: HttpStores,
        traces: Traces,
        heard: Callable[[StoreName, float], None] = lambda _store, _s: None,
    ) -> None:
        """Keep the stores; ``heard`` is told how long each took until it answered or failed."""
        self._stores, self._traces, self._heard = stores, traces, heard

    def call(self, call: StoreCall) -> "_Asked":
        """Return the call to be entered; that raises StoreUnreachable, StoreMisbehaved or Overloaded."""
        asked = HttpCall(
            store=call.store,
            method=call.method,
            path=call.path,
            slash=call.slash,
            query=call.query,
            headers=(*self._traces.of_call(call.store, call.decision_id, call.n), *call.headers),
            body=call.body,
            content_type=call.content_type,
            kind=call.shape.kind,
            writes=call.writes,
            partial=call.shape.partial and not call.writes,
        )
        return _Asked(self, self._stores.call(asked), call.store)

    def told(self, span: Span | None, store: StoreName, seconds: float, answer: HttpAnswer | None) -> None:
        """Note how long a store took until the head of its answer, or until it failed."""
        if span is not None:
            span.asked(seconds, answer)
        self._heard(store, seconds)


class _Asked:
    """One call to a store, and how long it took until it answered or failed."""

    __slots__ = ("_asking", "_store", "_target")

    def __init__(self, target: HttpTarget, asking: Asking, store: StoreName) -> None:
        self._target, self._asking, self._store = target, asking, store

    async def __aenter__(self) -> _Answer:
        span, began_s = CURRENT.get(), ticks_s()
        try:
            answer = await self._asking.__aenter__()
        except BaseException:
            self._target.told(span, self._store, ticks_s() - began_s, None)
            raise
        self._target.told(span, self._store, ticks_s() - began_s, answer)
        return _Answer(answer)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._asking.__aexit__(kind, error, traceback)
