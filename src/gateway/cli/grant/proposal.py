# SPDX-License-Identifier: Apache-2.0
"""The lines of ``grants.csv`` that would give what a caller asks for, checked with all other rules before they are written.

They are made by ``decide.granting`` of words that the rules know. They give at most what was asked: the same dataset,
purpose and operation, no field that the request did not say it covers, no longer than asked. With them all rules must
load, hold exactly the grants of before and these, and pass their tests.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Exit, Stop
from gateway.domain.names import RoleName

if TYPE_CHECKING:
    from gateway.decide.granting import Asker, Help
    from gateway.decide.rules import RuleSet
    from gateway.domain.decision import Deny
    from gateway.domain.grant_request import GrantRequest

GRANTS = "grants.csv"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What an approval writes.

    Attributes:
        lines: Exactly as they go into ``grants.csv``, without the comment above them.
        gains: Fields of which more leaves then, with the rung or word.
        notes: What deserves a look but stops nothing.
    """

    id: str
    role: str
    until_us: int
    lines: tuple[str, ...]
    gains: dict[str, str]
    notes: tuple[str, ...] = ()
    written: bool = False
    reloaded: bool = False


class Terms(msgspec.Struct, frozen=True):
    """What the owner says of an approval."""

    until: str | None
    role: str | None
    because: str | None


def proposed(files: Mapping[str, bytes], found: "GrantRequest", asker: "Asker", terms: Terms, now_us: int) -> Proposal:
    """Return what an approval would write, or stop with the sentence why there is nothing to write.

    Raises:
        RulesError: The rules cannot be used as they are, or not with the lines.
    """
    from gateway.app.joins import is_band
    from gateway.app.rule_files import rules_of
    from gateway.decide import granting
    from gateway.decide.decide import Decider
    from gateway.domain.decision import Deny

    rules = rules_of(files)
    decider = Decider(rules, is_band)
    one = granting.settled(decider, found.asked)
    if isinstance(one, Deny):
        raise Stop(_sentence(one), Exit.FAILED)
    refused = granting.refused(decider, asker, one, now_us)
    if refused is not None:
        raise Stop(_sentence(refused), Exit.FAILED)
    more = granting.beyond(decider, found.asked, found.covers)
    if more:
        raise Stop(
            f"since it was asked for, its categories reach more fields of {found.asked.dataset}: {', '.join(sorted(more))}; "
            "refuse it, so that it is asked for anew",
            Exit.FAILED,
        )
    help_ = granting.helps(decider, asker, one, now_us)
    role = _role(found, asker, rules, terms)
    until_us = _until_us(found, terms, now_us)
    asked = msgspec.structs.replace(found.asked, categories=_useful(rules, one.asked.categories, found, help_))
    lines = granting.lines(asked, RoleName(role), until_us)
    if terms.role is None:
        lines = (f"g,{found.account},{role}", *lines)
    held = {",".join(cell.strip(" ") for cell in line.split(",")) for line in files[GRANTS].decode().splitlines()}
    proposal = Proposal(
        id=found.id,
        role=role,
        until_us=until_us,
        lines=tuple(line for line in lines if line not in held),
        gains=dict(help_.gains),
        notes=tuple(f"{name}: {why}" for name, why in help_.against),
    )
    _check(files, rules, proposal, now_us)
    return proposal


def _sentence(refused: "Deny") -> str:
    about = f" ({', '.join(refused.fields)})" if refused.fields else ""
    return f"a grant would not help: {refused.reason}{about}. {refused.title or ''}".rstrip()


def _role(found: "GrantRequest", asker: "Asker", rules: "RuleSet", terms: Terms) -> str:
    """Return the role that gets the lines: one of the caller's, or one of the request's own name."""
    if terms.role is None:
        return found.id
    held = {inner for role in asker.roles for inner in (role, *rules.roles.get(role, ()))}
    if terms.role not in held:
        raise Stop(f"the caller has not the role {terms.role}; it has {', '.join(sorted(held)) or 'none'}")
    return terms.role


def _until_us(found: "GrantRequest", terms: Terms, now_us: int) -> int:
    if terms.until is None:
        return found.asked.until_us
    until_us = moments.asked_us(terms.until, "--until")
    if not now_us < until_us <= found.asked.until_us:
        raise Stop(
            f"--until must lie ahead and not behind {moments.written(found.asked.until_us)}, which was asked for"
        )
    return until_us


def _useful(rules: "RuleSet", categories: tuple[str, ...], found: "GrantRequest", help_: "Help") -> tuple[str, ...]:
    """Return the categories of which something leaves then; a line for another would give nothing."""
    from gateway.domain.names import is_under

    collection = rules.catalog.collections[found.asked.dataset]
    gained = {name for name, _ in help_.gains}
    own = {category for spec in collection.fields if spec.name in gained for category in spec.categories}
    return tuple(key for key in categories if any(is_under(category, key) for category in own))


def _check(files: Mapping[str, bytes], rules: "RuleSet", proposal: Proposal, now_us: int) -> None:
    """Stop unless the rules load with the lines, hold them and what they held, and pass their tests."""
    from gateway.app.rule_files import rules_of
    from gateway.decide.loader.grants_csv import grant_id
    from gateway.decide.trial.ruletests import failures

    fresh = {**files, GRANTS: with_lines(files[GRANTS], "\n".join(proposal.lines) + "\n")}
    after = rules_of(fresh)
    expected = {grant.id for grant in rules.grants} | {grant_id(one) for one in proposal.lines if one.startswith("p,")}
    if {grant.id for grant in after.grants} != expected:
        raise Stop("the lines would not be read as they are meant; nothing was written", Exit.FAILED)
    failed = tuple(failure.sentence() for failure in failures(after, now_us))
    if failed:
        raise Stop(
            "\n".join((*failed, "with these lines rules tests fail; nothing was written:", *proposal.lines)),
            Exit.FAILED,
        )


def with_lines(content: bytes, block: str) -> bytes:
    """Return the file with a block at its end; what stands in it stays."""
    border = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + border + block.encode()


def block_of(found: "GrantRequest", proposal: Proposal, by: str, now_us: int) -> str:
    """Return the lines with the comment that goes above them, and an empty line before."""
    said = "".join(one if one.isprintable() else "?" for one in by)
    comment = f"# {found.id}: asked for by {found.account}, approved by {said} on {moments.day(now_us)}"
    return "\n".join(("", comment, *proposal.lines, ""))
