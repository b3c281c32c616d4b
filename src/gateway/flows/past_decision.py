# SPDX-License-Identifier: Apache-2.0
"""Why a past call was decided as it was, and whether the rules of then decide it so again.

All that is told was entered at the time: the call's own entries, the rules that were put in force and by whom, the
grants that were approved, the sign-in of the session. The rules are those of the archive. Nothing is put in force.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from gateway.decide.explain import explained, simple_change
from gateway.decide.loader.grants_csv import grant_id, normal_line
from gateway.decide.past.again import PastDecider, Redone, as_it_was, asked_by, differences
from gateway.decide.past.logged import held_then
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.entry import Changed, Line, RulesInForce, SignIn
from gateway.domain.explanation import Explanation
from gateway.domain.names import AccountId, RoleName
from gateway.domain.past_call import PastCall, PastHold
from gateway.domain.signin import AMR_RECOVERY, AMR_TOTP
from gateway.domain.viewplan import Layer
from gateway.identify.clients import AMR as AMR_CLIENT

GRANTS = "grants.csv"
APPROVED, RELOADED, ISSUED = "grant-request-approved", "rules-reloaded", "demo-bearer-issued"
AMR: Mapping[str, tuple[str, ...]] = {"totp": AMR_TOTP, "recovery": AMR_RECOVERY, "client": AMR_CLIENT}
"""By step of a sign-in, what was shown (RFC 8176)."""
AROUND = (b'"kind":"rules-in-force"', *(f'"what":"{word}"'.encode() for word in (APPROVED, RELOADED)))
"""What the entries hold that tell who put rules in force and who approved grants."""

FilesOf = Callable[[str], Mapping[str, bytes] | None]
"""Returns the files that were in force under a digest, where the archive has them."""


class RulesVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set that was in force.

    Attributes:
        in_force_us: Since when; ``None`` where no entry tells it.
        by: Who put it in force: an account, ``local:<os user>`` or ``gateway``; empty where no entry tells it.
        before: Digest of the rules before.
    """

    digest: str
    in_force_us: int | None = None
    by: str = ""
    before: str | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a grant that was approved."""

    request: str
    by: str
    at_us: int


class GrantWord(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that spoke of the call.

    Attributes:
        line: As it stands in ``grants.csv``; empty where the archive has it not.
        decides: It is what the grants' own layer rests on for a field.
        granted: The rules with which it came, and by whose word these were put in force; it was in all since.
        approved: The request that it answers, if it was asked for.
    """

    id: str
    line: str
    decides: bool
    granted: RulesVersion | None
    approved: Approval | None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The sign-in that the call descends from.

    Attributes:
        amr: What was shown (RFC 8176).
        issued_by: Who made the bearer without a sign-in, which is for demonstrations alone; then nothing was shown.
    """

    at_us: int
    step: str = ""
    amr: tuple[str, ...] = ()
    issued_by: str = ""


class PastDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A past call with everything that its decision rested on.

    Attributes:
        ground: Legal ground of the purpose under the rules of then.
        again: What the rules of then decide now; ``None`` where they cannot be had or the call does not say enough.
        equal: Whether that is what the log says; ``None`` where it cannot be decided again.
        why_not / differences: Why not, or in what it differs.
        later: It was permitted, and refused for another reason than a rule after that.
    """

    past: PastCall
    rules: RulesVersion
    grants: tuple[GrantWord, ...]
    signed_in: SignedIn | None
    ground: str
    purpose_title: str
    again: Explanation | None
    equal: bool | None
    why_not: str = ""
    differences: tuple[str, ...] = ()
    later: bool = False
    roles_of_now: bool = False


class Evidence:
    """The entries around calls: what was put in force, approved and signed in, in the order of time."""

    def __init__(self, lines: Iterable[Line]) -> None:
        """Take in the entries; others are passed over."""
        self._in_force: list[tuple[int, RulesInForce]] = []
        self._reloaded: list[tuple[int, Changed]] = []
        self._approved: dict[str, Approval] = {}
        self._sign_ins: dict[str, SignedIn] = {}
        for line in sorted(lines, key=lambda line: line.at_us):
            self._take(line)

    def _take(self, line: Line) -> None:
        body = line.body
        if isinstance(body, RulesInForce):
            self._in_force.append((line.at_us, body))
        elif isinstance(body, SignIn) and body.ok and body.session and body.step in AMR:
            self._sign_ins.setdefault(body.session, SignedIn(at_us=line.at_us, step=body.step, amr=AMR[body.step]))
        elif isinstance(body, Changed) and body.what == RELOADED:
            self._reloaded.append((line.at_us, body))
        elif isinstance(body, Changed) and body.what == ISSUED and "session" in body.facts:
            self._sign_ins[str(body.facts["session"])] = SignedIn(at_us=line.at_us, issued_by=body.by)
        elif isinstance(body, Changed) and body.what == APPROVED:
            for one in str(body.facts.get("grants", "")).split():
                self._approved[one] = Approval(request=body.target, by=body.by, at_us=line.at_us)

    def versions(self, until_us: int) -> list[RulesVersion]:
        """Return the rule sets that were put in force up to a time, in order."""
        return [self._version(at_us, body) for at_us, body in self._in_force if at_us <= until_us]

    def approval(self, grant: str) -> Approval | None:
        """Return the approval of a grant, if it was asked for."""
        return self._approved.get(grant)

    def sign_in(self, session: str) -> SignedIn | None:
        """Return the sign-in of a session."""
        return self._sign_ins.get(session) if session else None

    def _version(self, at_us: int, body: RulesInForce) -> RulesVersion:
        told = [change.by for when_us, change in self._reloaded if change.target == body.rules and when_us <= at_us]
        by = body.by or (told[-1] if told else "")
        return RulesVersion(digest=body.rules, in_force_us=at_us, by=by, before=body.before)


def past_decision(
    past: PastCall,
    evidence: Evidence,
    then: PastDecider | None,
    files_of: FilesOf,
    *,
    holds: Iterable[PastHold] = (),
    roles: Mapping[AccountId, tuple[RoleName, ...]] = {},
) -> PastDecision:
    """Return why a call was decided as it was.

    Args:
        past: The call.
        evidence: The entries around it.
        then: By the rules that decided it; ``None`` where they cannot be had.
        files_of: The archive.
        holds: All that were ever put on the account.
        roles: By account its roles now, for an entry of a version that entered none.
    """
    versions = evidence.versions(past.at_us)
    rules = next((one for one in reversed(versions) if one.digest == past.facts.rules), None)
    found = None if then is None else _again(past, then, holds, roles)
    purpose = None if then is None else then.rules.purposes.get(past.facts.purpose)  # type: ignore[call-overload]
    redone = found if isinstance(found, Redone) and found.decision is not None else None
    differing = () if redone is None else differences(past, redone)
    why_not = "rules-not-kept" if found is None else found if isinstance(found, str) else found.why_not or ""
    return PastDecision(
        past=past,
        rules=rules or RulesVersion(digest=past.facts.rules),
        grants=tuple(_grants(past, redone, evidence, versions, files_of)),
        signed_in=evidence.sign_in(past.facts.session),
        ground="" if purpose is None else purpose.ground.value,
        purpose_title="" if purpose is None else dict(purpose.title).get("en", ""),
        again=None if redone is None or then is None else _explanation(then, redone, holds, past),
        equal=None if redone is None else not differing,
        why_not=why_not,
        differences=differing,
        later=redone is not None and isinstance(redone.decision, Permit) and past.reason is not None,
        roles_of_now=_lacks_roles(past) and bool(roles.get(AccountId(past.facts.account))),
    )


def _lacks_roles(past: PastCall) -> bool:
    return not past.facts.roles


def _again(
    past: PastCall, then: PastDecider, holds: Iterable[PastHold], roles: Mapping[AccountId, tuple[RoleName, ...]]
) -> Redone | str:
    others = roles.get(AccountId(past.facts.account), ()) if _lacks_roles(past) else None
    asked = asked_by(past, then, holds, others)
    return asked if isinstance(asked, str) else as_it_was(then, asked)


def _explanation(then: PastDecider, redone: Redone, holds: Iterable[PastHold], past: PastCall) -> Explanation:
    decision, inquiry = redone.decision, redone.inquiry
    assert decision is not None  # noqa: S101 - whoever asks has looked
    if inquiry is not None:
        held = held_then(past, holds) or ()
        return explained(then.decider, inquiry, decision, held, redone.at_us)
    deny = decision if isinstance(decision, Deny) else Deny(reason=Reason.NO_SUCH_ROUTE)
    change = simple_change(deny.reason)
    return Explanation(
        decision="deny",
        reason=deny.reason,
        about=deny.fields,
        rule=deny.rule,
        title=deny.title,
        fields=(),
        rows=(),
        change=change[0] if change else None,
        ask=change[1] if change else None,
    )


def _grants(
    past: PastCall, redone: Redone | None, evidence: Evidence, versions: Sequence[RulesVersion], files_of: FilesOf
) -> Iterable[GrantWord]:
    decision = None if redone is None else redone.decision
    plan = decision.plan if isinstance(decision, Permit) else None
    ids = past.facts.grants or (() if plan is None else plan.grants)
    named = set()
    for view in plan.views if plan is not None else ():
        named |= {one for ceiling in view.ceilings if ceiling.layer is Layer.GRANTS for one in ceiling.rule.split()}
    lines = _Lines(files_of)
    place = next((n for n in range(len(versions) - 1, -1, -1) if versions[n].digest == past.facts.rules), None)
    for one in ids:
        yield GrantWord(
            id=one,
            line=lines.of(past.facts.rules).get(one, ""),
            decides=one in named,
            granted=None if place is None else _came_with(one, versions, place, lines),
            approved=evidence.approval(one),
        )


def _came_with(grant: str, versions: Sequence[RulesVersion], place: int, lines: "_Lines") -> RulesVersion:
    """Return the first of the rule sets, one after the other up to a place, that all have the grant."""
    while place > 0 and grant in lines.of(versions[place - 1].digest):
        place -= 1
    return versions[place]


class _Lines:
    """The grants of rule sets by id, each read once."""

    def __init__(self, files_of: FilesOf) -> None:
        self._files_of = files_of
        self._known: dict[str, dict[str, str]] = {}

    def of(self, digest: str) -> Mapping[str, str]:
        """Return by id the line of each grant of a rule set; nothing where the archive has it not."""
        if digest not in self._known:
            files = self._files_of(digest) or {}
            text = files.get(GRANTS, b"").decode("utf-8", "replace")
            lines = [normal_line(tuple(cell.strip(" ") for cell in line.split(","))) for line in text.split("\n")]
            self._known[digest] = {grant_id(line): line for line in lines if line.startswith("p,")}
        return self._known[digest]
