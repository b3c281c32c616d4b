# SPDX-License-Identifier: Apache-2.0
"""A sample of questions, put both to the look-ups that decide on the road and to a plain Casbin enforcer.

Half of the questions are drawn around a grant, so that both answers occur; half from everything that
can be asked. The draw follows from the rules' digest alone: the same rules are asked the same.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from gateway.decide.layers.grants import GrantedCategories, GrantIndex
from gateway.decide.rules import Grant, RuleSet
from gateway.decide.trial.oracle import Call, Oracle
from gateway.domain.catalog import Collection, FieldSpec
from gateway.domain.names import AccountId, RoleName, is_under

N_QUESTIONS = 200
Item = TypeVar("Item")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May this role have this field at this rung; at level 0: may its value be told equal?"""

    call: Call
    field: FieldSpec
    level: int


def compared(rules: RuleSet, now_us: int, n_questions: int = N_QUESTIONS) -> Iterator[str | None]:
    """Put the questions one by one; yield ``None`` where both say the same, else a sentence.

    Source of the cost: one question of a plain enforcer takes 0.08 ms at 10 grants, 41 ms at 10,000.
    """
    if not rules.catalog.collections or not rules.purposes:
        return
    oracle, index = Oracle(rules), GrantIndex(rules.grants, rules.roles)
    for question in questions(rules, now_us, n_questions):
        yield difference(question, rules, index, oracle)


def difference(question: Question, rules: RuleSet, index: GrantIndex, oracle: Oracle) -> str | None:
    """Return what look-ups and enforcer say where they differ on a question; ``None`` where they agree."""
    call, field, chain = question.call, question.field, rules.chains[question.field.chain]
    mine = allowed(question, rules, index)
    theirs = oracle.allows(call, field, chain, chain.rungs[question.level], link=question.level == 0)
    if mine == theirs:
        return None
    rung = chain.rungs[question.level] if question.level else "its link"
    return (
        f"role {call.sub}, {call.operation} {call.dataset}, purpose {call.purpose}, field {field.name} at {rung}: "
        f"the gateway says {_word(mine)}, Casbin says {_word(theirs)}"
    )


def allowed(question: Question, rules: RuleSet, index: GrantIndex) -> bool:
    """Return the answer of the look-ups that decide on the road."""
    call = question.call
    covering = index.covering(
        index.roles_of(AccountId(""), (RoleName(call.sub),)),
        operation=call.operation,
        purpose=call.purpose,
        dataset=call.dataset,
    )
    granted = GrantedCategories(grant for grant in covering if grant.in_force(call.now_us))
    treatment = granted.ceiling(question.field, rules.chains[question.field.chain]).treatment
    return treatment.link if question.level == 0 else question.level <= treatment.level


def questions(rules: RuleSet, now_us: int, n_questions: int) -> Iterator[Question]:
    """Yield questions about a rule set that has purposes and collections."""
    draw = _Draw(rules.digest)
    for number in range(n_questions):
        grant = draw.one(rules.grants) if rules.grants and number % 2 == 0 else None
        yield _question(rules, draw, grant, now_us)


def _question(rules: RuleSet, draw: "_Draw", grant: Grant | None, now_us: int) -> Question:
    collections = tuple(rules.catalog.collections.values())
    near = tuple(one for one in collections if grant and is_under(one.dataset, grant.dataset)) or collections
    collection = draw.one(near)
    purposes = tuple(rules.purposes)
    near_purposes = tuple(key for key in purposes if grant and is_under(key, grant.purpose)) or purposes
    field = draw.one(_near_fields(collection, grant) or collection.fields)
    operations = tuple(dict.fromkeys(each for rule in rules.purposes.values() for each in rule.operations))
    roles = tuple(dict.fromkeys((*rules.roles, *(each.role for each in rules.grants)))) or ("nobody",)
    call = Call(
        sub=grant.role if grant else draw.one(roles),
        dataset=collection.dataset,
        purpose=draw.one(near_purposes),
        operation=grant.operation if grant else draw.one(operations),
        now_us=now_us,
    )
    return Question(call=call, field=field, level=draw.one(range(len(rules.chains[field.chain].rungs))))


def _near_fields(collection: Collection, grant: Grant | None) -> tuple[FieldSpec, ...]:
    if grant is None:
        return ()
    return tuple(
        field for field in collection.fields if any(is_under(each, grant.category) for each in field.categories)
    )


def _word(is_allowed: bool) -> str:
    return "yes" if is_allowed else "no"


class _Draw:
    """Numbers that follow from a seed: SHA-256 of seed and counter."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._n = 0

    def one(self, items: Sequence[Item]) -> Item:
        """Return the next of the items."""
        self._n += 1
        number = int.from_bytes(sha256(f"{self._seed} {self._n}".encode()).digest()[:8], "big")
        return items[number % len(items)]
