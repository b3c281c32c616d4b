# SPDX-License-Identifier: Apache-2.0
"""Grants that are asked for: what they would cover, whether they would help, and the lines that would give them.

RULES

1. Grants speak of categories. Fields that are asked for are turned into theirs, and what these reach in the
   dataset is settled with the request; lines that would reach further are never proposed.
2. Whether a grant would help is found by compiling the view with it and without it, by the code that decides
   calls. What a red line, the purpose or a recipient stands against, no grant gives; then none is proposed.
3. A line is made of words that the rules know and of a time, never of a caller's text.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.layers import purposes, transfer
from gateway.decide.layers.collecting import COLLECTING
from gateway.decide.loader.grants_check import operations_without_route
from gateway.decide.loader.grants_csv import grant_id, normal_line
from gateway.decide.loader.rungs import known_rungs
from gateway.decide.plan import NEVER_US, Ask, compile_plan
from gateway.decide.rules import Grant, RedLine
from gateway.domain.catalog import Collection
from gateway.domain.decision import Deny, Reason
from gateway.domain.grant_request import AskedGrant
from gateway.domain.names import AccountId, CategoryKey, FieldName, RecipientId, RoleName, is_under
from gateway.domain.principal import Assurance
from gateway.domain.treatment import NOTHING, Family, Rung
from gateway.domain.viewplan import FieldView, Layer, ViewPlan

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a grant is asked for: what a decision needs to know of a principal, whoever asks now."""

    account: AccountId
    roles: tuple[RoleName, ...]
    recipient: RecipientId
    proof: Assurance


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, in the words of the rules, and every field that it covers."""

    asked: AskedGrant
    covers: tuple[FieldName, ...]


class Help(msgspec.Struct, frozen=True, kw_only=True):
    """What a grant would change.

    Attributes:
        gains: Fields of which more would leave, each with the rung or word that it would leave at.
        against: For the others that it covers, what stands against them, as a sentence.
    """

    gains: tuple[tuple[FieldName, str], ...]
    against: tuple[tuple[FieldName, str], ...]


def settled(decider: Decider, asked: AskedGrant) -> Settled | Deny:
    """Return what is asked for with its categories and all that they cover, or what of it the rules do not know."""
    rules = decider.rules
    collection = rules.catalog.collections.get(asked.dataset)
    if collection is None:
        return _unknown("dataset", "No dataset has this name.")
    operations = {route.operation for route in rules.catalog.routes if route.dataset == asked.dataset}
    operations |= operations_without_route(asked.dataset)
    if asked.operation not in operations:
        return _unknown("operation", "No route of the dataset has this operation.")
    if asked.purpose not in rules.purposes:
        return _unknown("purpose", "No declared purpose has this key.")
    if asked.rung not in known_rungs(rules.chains.values()):
        return _unknown("rung", "No chain has this rung.")
    unknown = [name for name in asked.fields if collection.field(name) is None]
    if unknown:
        return _unknown("fields", "The dataset has no field of one of these names.")
    categories = _categories(collection, asked)
    if any(not _covered(collection, (category,)) for category in categories):
        return _unknown("categories", "No field of the dataset has one of these categories.")
    return Settled(asked=msgspec.structs.replace(asked, categories=categories), covers=_covered(collection, categories))


def _unknown(member: str, sentence: str) -> Deny:
    return Deny(reason=Reason.BODY_INVALID, fields=(member,), title=sentence)


def _categories(collection: Collection, asked: AskedGrant) -> tuple[CategoryKey, ...]:
    """Return the categories of what is asked for, without those that lie below another of them."""
    named = {category for name in asked.fields if (spec := collection.field(name)) for category in spec.categories}
    found = named | set(asked.categories)
    return tuple(sorted(one for one in found if not any(is_under(one, other) for other in found if other != one)))


def _covered(collection: Collection, categories: Iterable[CategoryKey]) -> tuple[FieldName, ...]:
    """Return every field of which a category lies under one of these."""
    keys = tuple(categories)
    return tuple(
        spec.name for spec in collection.fields if any(is_under(own, key) for own in spec.categories for key in keys)
    )


def beyond(decider: Decider, asked: AskedGrant, covers: Iterable[FieldName]) -> tuple[FieldName, ...]:
    """Return the fields that the grants would reach now and did not when they were asked for."""
    collection = decider.rules.catalog.collections.get(asked.dataset)
    known = set(covers)
    return () if collection is None else tuple(set(_covered(collection, asked.categories)) - known)


def refused(decider: Decider, who: Asker, one: Settled, now_us: int) -> Deny | None:
    """Return why a grant would give nothing of what is asked for; ``None`` if it would help."""
    asked = one.asked
    rule = decider.rules.purposes[asked.purpose]
    recipient = decider.rules.recipients.get(who.recipient)
    if recipient is None or not transfer.in_force(recipient, now_us):
        return Deny(reason=Reason.RECIPIENT_NOT_IN_FORCE, rule=who.recipient)
    if not purposes.in_force(rule, now_us):
        return Deny(reason=Reason.PURPOSE_NOT_IN_FORCE, rule=rule.key)
    if not purposes.covers_call(rule, dataset=asked.dataset, operation=asked.operation):
        return Deny(reason=Reason.PURPOSE_NOT_ALLOWED, rule=rule.key)
    line, fields = _red_line(decider, who, one, now_us)
    if line is not None:
        title = dict(line.title).get("en")
        return Deny(reason=Reason.RED_LINE, fields=fields, rule=line.id, title=title, titles=line.title)
    help_ = helps(decider, who, one, now_us)
    if help_.gains:
        return None
    told = "; ".join(dict.fromkeys(sentence for _, sentence in help_.against))
    fields = tuple(name for name, _ in help_.against)
    return Deny(reason=Reason.FIELD_NOT_PERMITTED, fields=fields, title=f"A grant would not help: {told}.")


def helps(decider: Decider, who: Asker, one: Settled, now_us: int) -> Help:
    """Return what more would leave with the grants than does without them, and what stands against the rest."""
    before, after = (_plan(decider, who, one.asked, now_us, more) for more in ((), _hypothetical(one.asked)))
    gains, against = [], []
    for name in one.covers:
        old, new = before.view(name), after.view(name)
        if old is None or new is None:
            continue
        if new.treatment.at_most(old.treatment):
            against.append((name, _against(new, one.asked)))
        else:
            gains.append((name, _word(new)))
    return Help(gains=tuple(gains), against=tuple(against))


def _plan(decider: Decider, who: Asker, asked: AskedGrant, now_us: int, more: tuple[Grant, ...]) -> ViewPlan:
    held = decider.grants_for(
        who.account, who.roles, operation=asked.operation, purpose=asked.purpose, dataset=asked.dataset
    )
    rules = decider.rules
    ask = Ask(
        purpose=rules.purposes[asked.purpose],
        recipient=rules.recipients[who.recipient],
        collection=rules.catalog.collections[asked.dataset],
        operation=asked.operation,
        proof=who.proof,
        grants=(*(grant for grant in held if grant.in_force(now_us)), *more),
        valid_until_us=NEVER_US,
        collecting=asked.operation in COLLECTING,
    )
    return compile_plan(rules, ask)


def _hypothetical(asked: AskedGrant) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            id=grant_id(line),
            role=RoleName(""),
            dataset=asked.dataset,
            category=category,
            purpose=asked.purpose,
            operation=asked.operation,
            rung=asked.rung,
            link=asked.link,
            allow=True,
            from_us=None,
            until_us=None,
            line=0,
        )
        for category, line in zip(asked.categories, lines(asked, RoleName("-"), asked.until_us), strict=True)
    )


def _red_line(decider: Decider, who: Asker, one: Settled, now_us: int) -> tuple[RedLine | None, tuple[FieldName, ...]]:
    """Return a red line that takes a named field, or everything that categories cover, and which fields it takes."""
    plan = _plan(decider, who, one.asked, now_us, _hypothetical(one.asked))
    about = one.asked.fields or one.covers
    taken: dict[FieldName, str] = {}
    for name in about:
        view = plan.view(name)
        for ceiling in view.ceilings if view else ():
            if ceiling.layer is Layer.RED_LINES and ceiling.treatment == NOTHING:
                taken[name] = ceiling.rule
    if not taken or (not one.asked.fields and len(taken) < len(about)):
        return None, ()
    said = next(iter(taken.values())).split()
    return next((line for line in decider.rules.red_lines if line.id in said), None), tuple(taken)


def _word(view: FieldView) -> str:
    family = view.chain.family(view.treatment)
    return family if family is Family.SURROGATE else view.chain.rungs[view.treatment.level]


_STANDS: dict[Layer, str] = {
    Layer.REVIEW: "its declaration was not reviewed yet",
    Layer.GRANTS: "a grant in force denies it",
    Layer.PURPOSE: "the purpose does not list its category that far",
    Layer.RED_LINES: "a red line stands above grants",
    Layer.RECIPIENT: "the recipient may not have it",
    Layer.CHOICES: "people's choices do not allow it",
    Layer.ASSURANCE: "the sign-in is not strong enough for it",
    Layer.HOLDS: "a hold stands against it",
}


def _against(view: FieldView, asked: AskedGrant) -> str:
    """Return what keeps a field where it is, beside the grant itself."""
    wanted = view.chain.cap(asked.rung, link=asked.link)
    short = [one for one in view.binding() if not wanted.at_most(one.treatment)]
    if not short:
        return "it leaves like this already"
    return " and ".join(dict.fromkeys(_STANDS[one.layer] for one in short))


def lines(asked: AskedGrant, role: RoleName, until_us: int) -> tuple[str, ...]:
    """Return the lines of ``grants.csv`` that give what is asked for, one for each category."""
    until = (_EPOCH + timedelta(seconds=until_us // 1_000_000)).strftime("%Y-%m-%dT%H:%M:%SZ")
    link = "yes" if asked.link else "no"
    return tuple(
        normal_line(
            ("p", role, asked.dataset, category, asked.purpose, asked.operation, asked.rung, link, "allow", "", until)
        )
        for category in asked.categories
    )


def as_rung(word: str) -> tuple[Rung, bool] | None:
    """Return rung and link of a word for what is wanted; ``None`` for ``drop``, which is nothing."""
    if word == Family.SURROGATE:
        return Rung("drop"), True
    if word == Family.DROP:
        return None
    return Rung(word), word == Family.REVEAL
