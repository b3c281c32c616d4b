# SPDX-License-Identifier: Apache-2.0
"""``gateway explain DECISION-ID``: why a past call was decided as it was, by whose word, and whether it would be again."""

import re
from typing import TYPE_CHECKING

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop

if TYPE_CHECKING:
    from gateway.domain.entry import Line
    from gateway.flows.past_decision import GrantWord, PastDecision, SignedIn

DECISION_ID = re.compile(r"[0-9a-f]{32}\Z")
WHY_NOT = {
    "path-not-in-log": "it was refused before its path was read, which the log then does not hold",
    "rules-not-kept": "the rules of then are not in the archive, or this version cannot load them",
    "hold-not-known": "a hold that lowered it is not known any more",
    "filter-not-readable": "no declared parameter stands for one of its filters",
}


async def past(desk: Desk, call: str) -> "PastDecision":
    """Return why a call was decided as it was, entered before it is told."""
    from gateway.app.evidence.replaying import PastRules, around
    from gateway.domain.entry import Looked
    from gateway.domain.errors import SettingsError
    from gateway.domain.names import AccountId
    from gateway.flows.past_decision import AROUND, Evidence, past_decision
    from gateway.record.reading.past_calls import call_in

    lines = _lines(desk, (f'"call":"{call}"'.encode(),), "Looking for the call")
    found = call_in(iter(lines))
    if found is None:
        async with desk.open_log() as log:
            await log.append(Looked(by=desk.by, what="explanation", query=f"call {call}", rows=len(lines)))
        raise Stop(_not_a_call(call, lines), Exit.FAILED)
    session = (f'"session":"{found.facts.session}"'.encode(),) if found.facts.session else ()
    evidence = Evidence(_lines(desk, (*AROUND, *session), "Looking who put its rules in force"))
    async with desk.open(with_rules=False) as rooms:
        rules, beside = PastRules(rooms.archive), await around(rooms.accounts, rooms.holds)

        def files_of(digest: str) -> "dict[str, bytes] | None":
            try:
                return rooms.archive.read(digest)
            except SettingsError:
                return None

        told = past_decision(
            found,
            evidence,
            rules.of(found.facts.rules),
            files_of,
            holds=beside.holds.get(AccountId(found.facts.account), ()),
            roles=beside.roles,
        )
        await rooms.log.append(Looked(by=desk.by, what="explanation", query=f"call {call}", rows=len(lines)))
    return told


def _lines(desk: Desk, texts: tuple[bytes, ...], what: str) -> "list[Line]":
    from gateway.cli.desk.paper import in_kib
    from gateway.record.reading.sifting import n_bytes_of, sifted

    logs = desk.state / "log"
    with desk.paper.progress(f"{what}, KiB", n_bytes_of(logs) >> 10) as done:
        return list(sifted(logs, texts, in_kib(done)))


def _not_a_call(call: str, lines: "list[Line]") -> str:
    if lines:
        return (
            f"{call} was answered before anybody was identified, or is no call that rules decide; "
            f"`gateway log show {call}` shows it"
        )
    return f"the log knows no decision {call}"


def tell(desk: Desk, found: "PastDecision") -> None:
    """Write it for people."""
    from gateway.cli.explain.explanation import tell_explanation
    from gateway.cli.log.words import facts_lines

    paper, past = desk.paper, found.past
    paper.say(f"{past.call}: {_verdict(found)}, {moments.written(past.at_us)} ({past.slot}:{past.seq})")
    facts = dict(facts_lines(past.facts))
    facts.pop("rules", None)
    facts.pop("grants", None)
    if past.facts.roles:
        facts["roles"] = " ".join(past.facts.roles)
    facts["sign-in"] = _signed_in(found.signed_in)
    facts["ground"] = found.ground
    facts["rules"] = _rules(found)
    for name, text in facts.items():
        if text:
            paper.say(f"{name:<20} {text}")
    for grant in found.grants:
        paper.say(f"{'grant':<20} {_grant(grant)}")
    if found.again is not None:
        tell_explanation(desk, found.again)
    paper.say(_equality(found), style="green" if found.equal else "red")


def _verdict(found: "PastDecision") -> str:
    past = found.past
    about = f" ({', '.join(past.about)})" if past.about else ""
    if past.decision == "permit":
        return f"permit, then refused {past.reason}{about}" if past.reason and not past.ended else "permit"
    return f"{past.decision}: {past.reason}{about}{f', by {past.rule}' if past.rule else ''}"


def _signed_in(found: "SignedIn | None") -> str:
    if found is None:
        return "the log holds no sign-in of this session"
    at = moments.written(found.at_us)
    return (
        f"{at}: bearer issued by {found.issued_by}, no factor shown"
        if found.issued_by
        else f"{at}: {' '.join(found.amr)}"
    )


def _rules(found: "PastDecision") -> str:
    rules = found.rules
    since = "" if rules.in_force_us is None else f", in force since {moments.written(rules.in_force_us)}"
    return f"{rules.digest}{since}{f' by {rules.by}' if rules.by else ''}"


def _grant(grant: "GrantWord") -> str:
    came = ""
    if grant.granted is not None and grant.granted.in_force_us is not None:
        by = f" by {grant.granted.by}" if grant.granted.by else ""
        came = f"; granted with rules {grant.granted.digest[:12]}, {moments.written(grant.granted.in_force_us)}{by}"
    asked = ""
    if grant.approved is not None:
        one = grant.approved
        asked = f"; asked for in {one.request}, approved {moments.written(one.at_us)} by {one.by}"
    return f"{grant.id} {grant.line or '(not in the archive)'}{' (decides)' if grant.decides else ''}{came}{asked}"


def _equality(found: "PastDecision") -> str:
    if found.equal is None:
        return f"cannot be decided again: {WHY_NOT.get(found.why_not, found.why_not)}"
    now = " with the roles of now" if found.roles_of_now else ""
    if not found.equal:
        return f"decided again{now} by the rules of then: not equal: {'; '.join(found.differences)}"
    then = f", and then refused for {found.past.reason}" if found.later else ""
    return f"decided again{now} by the rules of then: equal{then}"
