# SPDX-License-Identifier: Apache-2.0
"""What would come of a call, decided as the road decides it, with nothing asked and nothing released.

The order is that in which callers are told: framing, identity, purpose, route, decision. The decider, the
binding and the words of the nearest change are those of the road and of ``gateway explain``; a story holds
what is said here against what the door does.
"""

from collections.abc import AsyncIterator

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.explain import explained, simple_change
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp, Use
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PurposeKey
from gateway.domain.principal import Principal, purpose_of
from gateway.flows.rehearse.callers import Caller
from gateway.flows.rehearse.ports import Told

MOST_PURPOSES = 50
"""Purposes that are tried for a call that states none; beyond it nobody reads the list."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of one call.

    Attributes:
        would: ``permit``, ``deny`` or ``step-up``.
        about: Fields or parameters that the reason is about.
        title: The rule's own sentence.
        inquiry: What the call asks, where it got so far.
        clear: Parameters that name by clear values what this caller holds as surrogates.
    """

    would: str
    reason: Reason | None = None
    about: tuple[str, ...] = ()
    title: str | None = None
    rule: str | None = None
    inquiry: Inquiry | None = None
    decision: Decision | None = None
    clear: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Tell whether the call would go on."""
        return self.would == "permit"


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What would let a refused call pass, and who can do it: caller, owner, officer, operator."""

    change: str
    ask: str


async def verdict_of(decider: Decider, call: Told, caller: Caller, now_us: int) -> Verdict:
    """Return what would come of a call.

    Args:
        decider: Of the rules that decide.
        call: As the door tells it.
        caller: Whoever calls, or why that is not known.
        now_us: UTC microseconds.
    """
    who = caller.who
    if call.framing is not None:
        return _denied(call.framing)
    if isinstance(who, Deny):
        return _denied(who)
    reference = call.reference or caller.reference
    purpose = decider.purpose(purpose_of(call.purpose, who), who, reference, now_us)
    if isinstance(purpose, Deny):
        return _denied(purpose)
    inquiry = await call.bind(who, purpose.key, decider.rules.catalog, decider.rules.digest)
    if isinstance(inquiry, Deny):
        return _denied(inquiry)
    if inquiry.reference != reference:
        inquiry = msgspec.structs.replace(inquiry, reference=reference)
    return _decided(inquiry, decider.decide(inquiry, caller.holds, now_us))


def _denied(deny: Deny, inquiry: Inquiry | None = None) -> Verdict:
    return Verdict(
        would="deny",
        reason=deny.reason,
        about=deny.fields,
        title=deny.title,
        rule=deny.rule,
        inquiry=inquiry,
        decision=None if inquiry is None else deny,
    )


def _decided(inquiry: Inquiry, decision: Decision) -> Verdict:
    match decision:
        case Deny():
            return _denied(decision, inquiry)
        case StepUp():
            return Verdict(
                would="step-up",
                reason=Reason.STEP_UP_REQUIRED,
                about=decision.fields,
                inquiry=inquiry,
                decision=decision,
            )
        case Permit():
            clear = tuple(use.filter.parameter for use in decision.filters if use.use is Use.SURROGATE)
            return Verdict(would="permit", inquiry=inquiry, decision=decision, clear=clear)


async def advice_on(decider: Decider, call: Told, caller: Caller, verdict: Verdict, now_us: int, path: str) -> Advice:
    """Return what would let a refused call pass.

    Args:
        decider: Of the rules that decide.
        call: As the door tells it.
        caller: Whoever calls.
        verdict: What would come of the call now.
        now_us: UTC microseconds.
        path: Template of the call's path, for what would have to be declared.
    """
    if verdict.reason is Reason.PARAMETER_INVALID and verdict.title:
        # The rule's own sentence says what to ask for instead.
        return Advice(change=f"{', '.join(verdict.about)}: {verdict.title}", ask="caller")
    if verdict.inquiry is not None and verdict.decision is not None:
        told = explained(decider, verdict.inquiry, verdict.decision, caller.holds, now_us)
        return Advice(change=told.change or "", ask=told.ask or "owner")
    if verdict.reason in _ABOUT_PURPOSE and isinstance(caller.who, Principal):
        said = simple_change(verdict.reason) or ("", "caller")
        found = [key async for key in _covering(decider, call, caller, caller.who, now_us)]
        would = (
            f"It would pass for {', '.join(found)}."
            if found
            else "No purpose of this caller's roles would let it pass."
        )
        return Advice(change=f"{said[0]} {would}", ask=said[1] if found else "owner")
    return _advice_before(call, verdict, path)


_ABOUT_PURPOSE = frozenset(
    {Reason.PURPOSE_MISSING, Reason.PURPOSE_UNKNOWN, Reason.PURPOSE_NOT_IN_SCOPE, Reason.PURPOSE_NOT_IN_FORCE}
)


async def _covering(
    decider: Decider, call: Told, caller: Caller, who: Principal, now_us: int
) -> AsyncIterator[PurposeKey]:
    for key in decider.purposes_of(who.roles, now_us)[:MOST_PURPOSES]:
        asked = msgspec.structs.replace(who, scopes=(key,))
        inquiry = await call.bind(asked, key, decider.rules.catalog, decider.rules.digest)
        if isinstance(inquiry, Deny):
            continue
        # Which reference a call would have to state is another question than for what it may be made.
        told = msgspec.structs.replace(inquiry, reference=inquiry.reference or "any")
        if not isinstance(decider.decide(told, caller.holds, now_us), Deny):
            yield key


def _advice_before(call: Told, verdict: Verdict, path: str) -> Advice:
    """Return what would let a call pass that did not come as far as a decision."""
    names = ", ".join(verdict.about)
    match verdict.reason:
        case Reason.NO_SUCH_ROUTE | Reason.METHOD_NOT_ALLOWED:
            line = (
                f"- {{method: {call.method}, path: {path}, operation: {_operation(call.method)}, answer: {{kind: …}}}}"
            )
            return Advice(change=f"Declare the route in a dataset: {line}", ask="owner")
        case Reason.PARAMETER_UNDECLARED:
            return Advice(
                change=f"Declare below `parameters` of {call.method} {path}: {names}: {{field: …}}", ask="owner"
            )
        case Reason.PATH_NOT_CANONICAL:
            told = (
                "The app has to ask without a slash at the end, without empty or dotted segments; see the page on HTTP."
            )
            return Advice(change=told, ask="caller")
        case Reason.SIGN_IN_REQUIRED:
            return Advice(change="Say who this is: --as, or --clients; in operation the app signs in.", ask="operator")
        case reason if reason is not None and (simple := simple_change(reason)) is not None:
            return Advice(change=simple[0], ask=simple[1])
        case _:
            said = verdict.title or "The app has to ask in another way; see the page on HTTP."
            return Advice(change=f"{names}: {said}" if names else said, ask="caller")


def _operation(method: str) -> str:
    return {"POST": "read | create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}.get(method, "read")
