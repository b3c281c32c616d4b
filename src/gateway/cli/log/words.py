# SPDX-License-Identifier: Apache-2.0
"""Entries of the access log as sentences: who, through which client, for which purpose, what of which dataset.

A sentence says what its entry says and nothing that has to be looked up elsewhere; later entries of a
call name the call, whose first entry holds the facts.
"""

from collections.abc import Mapping

from gateway.domain.entry import (
    Amended,
    Answered,
    Changed,
    Closed,
    End,
    Entry,
    Facts,
    Intent,
    LogSeen,
    Looked,
    Numbered,
    Observed,
    Opened,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    RulesInForce,
    RulesRefused,
    SignIn,
)
from gateway.domain.sending import SEND
from gateway.domain.wording import counted

DIGESTS = "digests"
"""Fact of an erasure that says nothing to people, and has some kilobytes."""


def sentence(body: Entry) -> str:
    """Return an entry as a sentence."""
    match body:
        case Release():
            return _release(body)
        case Refused():
            about = f" ({', '.join(body.fields)})" if body.fields else ""
            rule = f" by {body.rule}" if body.rule else ""
            return f"{body.call}: refused {body.reason}{about}{rule}{_to(body.facts)}"
        case Intent() if body.facts is not None and body.facts.operation == SEND:
            under = f" under mandate {body.facts.mandate}" if body.facts.mandate else ""
            return f"{body.call}: about to send {counted(body.records, 'message')} through {body.facts.recipient}{under}{_of(body.facts)}{_by(body.facts)}"
        case Intent():
            written = "".join(f"; {word}: {' '.join(names)}" for word, names in body.written.items())
            return f"{body.call}: about to write {counted(body.records, 'record')}{_of(body.facts)}{_by(body.facts)}{written}"
        case Observed() | Passed():
            return _not_enforced(body)
        case Numbered():
            return f"{counted(body.people, 'person')} got numbers"
        case End():
            sent = "" if body.bytes is None else f" after {counted(body.bytes, 'byte')}"
            return f"{body.call}: ended {body.how}{sent}{f' ({body.reason})' if body.reason else ''}"
        case SignIn():
            return _sign_in(body)
        case Changed():
            facts = {name: fact for name, fact in body.facts.items() if name != DIGESTS}
            return f"{body.by}: {body.what} {body.target}{_facts(facts)}"
        case Looked():
            return f"{body.by}: looked at {body.what}{f' ({body.query})' if body.query else ''}: {counted(body.rows, 'row')}"
        case Amended():
            return f"part of entry {body.origin}:{body.place} amended: {counted(body.taken, 'person')} taken out"
        case Opened() | Closed() | LogSeen() | RefusalsCounted() | Answered() | RulesInForce() | RulesRefused():
            return _of_the_gateway(body)


def facts_lines(facts: Facts) -> list[tuple[str, str]]:
    """Return what a decision rested on, a line each; what is empty is left out."""
    lines = [
        ("account", facts.account),
        ("client", facts.client),
        ("recipient", facts.recipient),
        ("purpose", facts.purpose),
        ("reference", facts.reference or ""),
        ("dataset", facts.dataset),
        ("call", f"{facts.method} {facts.route} ({facts.operation})" if facts.route else facts.operation),
        ("filters", ", ".join(facts.filters)),
        *((f"leaves: {word}", " ".join(names)) for word, names in facts.fields.items()),
        ("assurance", str(facts.assurance)),
        ("caps", " ".join(facts.caps)),
        ("grants", " ".join(facts.grants)),
        ("rules", facts.rules),
        ("choices", f"version {facts.choices}" if facts.choices else ""),
        ("session", facts.session),
    ]
    return [(name, text) for name, text in lines if text]


def _release(body: Release) -> str:
    what = f"{body.call}: released block {body.n}: {counted(body.rows, 'row')}, {counted(body.people, 'person')}, {counted(body.bytes, 'byte')}"
    withheld = f"; withheld{_facts(dict(body.withheld))}" if body.withheld else ""
    return f"{what}{_of(body.facts)}{_to(body.facts)}{withheld}{'; complete' if body.last else ''}"


def _not_enforced(body: Observed | Passed) -> str:
    if isinstance(body, Passed):
        complete = "; complete" if body.last else ""
        return f"{body.call}: passed on block {body.n} as the store sent it: {counted(body.bytes, 'byte')}{complete}"
    about = f" ({', '.join(body.fields)})" if body.fields else ""
    would = f"would {body.would}{f' {body.reason}' if body.reason else ''}{about}"
    return f"{body.call}: passing on to {body.store}, which is not enforced; {would}{_to(body.facts)}"


def _of(facts: Facts | None) -> str:
    return "" if facts is None else f" of {facts.dataset}"


def _to(facts: Facts | None) -> str:
    return "" if facts is None else f" to {_whom(facts)}"


def _by(facts: Facts | None) -> str:
    return "" if facts is None else f" by {_whom(facts)}"


def _whom(facts: Facts) -> str:
    client = f" through {facts.client}" if facts.client else ""
    recipient = f" for {facts.recipient}" if facts.recipient else ""
    purpose = f", purpose {facts.purpose}" if facts.purpose else ""
    reference = f" ({facts.reference})" if facts.reference else ""
    return f"{facts.account or 'nobody known'}{client}{recipient}{purpose}{reference}"


def _sign_in(body: SignIn) -> str:
    who = body.account or "nobody known"
    client = f" through {body.client}" if body.client else ""
    came = "right" if body.ok else f"not right{f' ({body.reason})' if body.reason else ''}"
    return f"{body.call}: sign-in of {who}{client}: {body.step} {came}"


def _of_the_gateway(
    body: Opened | Closed | LogSeen | RefusalsCounted | Answered | RulesInForce | RulesRefused,
) -> str:
    match body:
        case Opened():
            return f"log opened by version {body.version} after {counted(body.resumed_at, 'entry')}"
        case Closed():
            return "log closed in order"
        case LogSeen():
            return f"saw log {body.origin} at {body.checkpoint.split(chr(10), 2)[1]} entries"
        case RefusalsCounted():
            return f"refused before identification:{_facts(dict(body.reasons))}"
        case Answered():
            return f"answered:{_facts(dict(body.counts))}"
        case RulesInForce():
            by = f" by {body.by}" if body.by else ""
            after = f" after {body.before[:12]}" if body.before else ""
            return f"rules {body.rules[:12]} put in force{by}{after}"
        case RulesRefused():
            return f"rules {body.rules[:12]} refused, {counted(len(body.problems), 'problem')}: {'; '.join(body.problems[:3])}"


def _facts(facts: Mapping[str, str | int]) -> str:
    return "".join(f" {name}={value}" for name, value in facts.items())
