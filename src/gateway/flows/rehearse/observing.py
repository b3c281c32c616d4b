# SPDX-License-Identifier: Apache-2.0
"""What the log keeps of a call to a store that is not enforced: what would have come of it, and no value."""

from gateway.decide.rules import RuleSet
from gateway.domain.decision import CALLERS_WORDS
from gateway.domain.entry import Facts, Observed
from gateway.domain.principal import Principal
from gateway.flows.rehearse.callers import Caller
from gateway.flows.rehearse.judging import Verdict
from gateway.flows.rehearse.ports import Passage


def observed(passage: Passage, caller: Caller, verdict: Verdict, n_bytes: int, rules: RuleSet) -> Observed:
    """Return the entry that is made before anything of the call goes to the store.

    Args:
        passage: The call.
        caller: Whoever called.
        verdict: What would have come of it.
        n_bytes: Of the call's own body.
        rules: Those that decided.
    """
    reason = verdict.reason
    return Observed(
        call=passage.decision_id,
        store=passage.store,
        would=verdict.would,
        reason=None if reason is None else reason.value,
        fields=() if reason in CALLERS_WORDS else verdict.about,
        bytes=n_bytes,
        facts=_facts(passage, caller, verdict, rules),
    )


def _facts(passage: Passage, caller: Caller, verdict: Verdict, rules: RuleSet) -> Facts:
    inquiry, told = verdict.inquiry, passage.told
    who = caller.who if isinstance(caller.who, Principal) else None
    # A declared purpose is a fact even of a call that may not use it; any other word is the caller's own.
    stated = told.purpose if told.purpose is not None and told.purpose in rules.purposes else ""
    return Facts(
        account="" if who is None else who.account,
        client=caller.name,
        recipient="" if who is None else who.recipient,
        session="" if who is None else who.session,
        purpose=stated if inquiry is None else inquiry.purpose or "",
        reference=told.reference if stated else None,
        dataset="" if inquiry is None else inquiry.dataset,
        operation="" if inquiry is None else inquiry.operation,
        method=told.method,
        route="" if inquiry is None else inquiry.route.template,
        rules=rules.digest,
    )
