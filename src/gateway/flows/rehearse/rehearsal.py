# SPDX-License-Identifier: Apache-2.0
"""A rehearsal: calls that were recorded, or copies of live ones, are decided and counted; nothing is forwarded."""

from collections.abc import Callable

import msgspec

from gateway.decide.decide import Decider
from gateway.flows.rehearse.callers import Callers
from gateway.flows.rehearse.judging import Verdict, advice_on, verdict_of
from gateway.flows.rehearse.ports import Seen, Told
from gateway.flows.rehearse.tally import Tally


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One call that was recorded or copied.

    Attributes:
        template: Returns the template of its path, without a value of a person; asked for refused calls alone.
        has_body: ``False`` where the call surely had a body that nobody recorded.
    """

    told: Told
    seen: Seen
    template: Callable[[], str]
    has_body: bool = True


class Rehearsal:
    """Decides calls and keeps count."""

    def __init__(self, decider: Decider, callers: Callers, clock: Callable[[], int]) -> None:
        """Begin with nothing counted."""
        self._decider, self._callers, self._clock = decider, callers, clock
        self.tally = Tally(decider.rules.digest)

    async def take(self, call: Heard) -> Verdict:
        """Decide one call and count it; return what would come of it."""
        now_us = self._clock()
        caller = await self._callers.of(call.seen, self._decider, now_us)
        verdict = await verdict_of(self._decider, call.told, caller, now_us)
        if not call.has_body and verdict.inquiry is not None and verdict.inquiry.route.body is not None:
            self.tally.without_body()
        if verdict.passes:
            self.tally.passes(caller.name, verdict)
            return verdict
        path = call.template()
        key = self.tally.key(caller.name, verdict, call.told.method, path)
        advice = None
        if self.tally.is_new(key):
            advice = await advice_on(self._decider, call.told, caller, verdict, now_us, path)
        self.tally.refuses(key, advice)
        return verdict
