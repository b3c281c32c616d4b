# SPDX-License-Identifier: Apache-2.0
"""Small joins between a stage's own Protocol and the room that fills it; no rule is made here."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from gateway.domain.budget import BudgetKey, BudgetRule, Taken
from gateway.domain.decision import Deny
from gateway.domain.names import PersonNumber
from gateway.domain.principal import Principal
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access.ports import StoreCall
from gateway.forward.http import HttpStores
from gateway.forward.http import StoreAnswer as HttpAnswer
from gateway.forward.http import StoreCall as HttpCall
from gateway.identify.identify import Identify, SignInProblem
from gateway.identify.sessions import Revocations
from gateway.keys.keyring import Key, Keyring
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


class NoBudgets:
    """Counts nothing, for an installation whose purposes have no budgets."""

    async def take(
        self,
        key: BudgetKey,
        rules: Sequence[BudgetRule],
        people: Sequence[PersonNumber],
        n_rows: int,
        *,
        whole: bool,
        now_us: int,
    ) -> Taken:
        """Give everything."""
        return Taken(n_rows=n_rows)


class IdentifyJoin:
    """Identification in the access flow's words."""

    def __init__(self, identify: Identify, revocations: Revocations) -> None:
        """Keep both."""
        self._identify, self._revocations = identify, revocations

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""
        found = self._identify.principal(authorization, now_us)
        if isinstance(found, SignInProblem):
            return Deny(reason=found.reason, rule=found.why)
        return found

    def is_revoked(self, who: Principal) -> bool:
        """Tell whether the sign-in was ended or the account disabled."""
        return self._revocations.is_revoked(who.session, who.account)


class _Answer:
    """A store's answer in the access flow's words."""

    def __init__(self, answer: HttpAnswer) -> None:
        self._answer = answer
        self.chunks: Callable[[], AsyncIterator[bytes]] = answer.chunks
        self.status = answer.status
        self.etag: str | None = None

    @property
    def absent(self) -> bool:
        return self._answer.status == 404


class HttpTarget:
    """Stores reached over HTTP, as step 3 asks them."""

    def __init__(self, stores: HttpStores) -> None:
        """Keep the stores."""
        self._stores = stores

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[_Answer]:
        """Ask; raises StoreUnreachable, StoreMisbehaved or Overloaded."""
        # The decision id is the trace id (W3C Trace Context), so a store's own log can be laid beside ours.
        trace = f"00-{call.decision_id}-{call.decision_id[:16]}-01"
        asked = HttpCall(
            store=call.store,
            method=call.method,
            path=call.path,
            query=call.query,
            headers=(("traceparent", trace),),
        )
        async with self._stores.call(asked) as answer:
            yield _Answer(answer)
