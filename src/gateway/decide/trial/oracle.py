# SPDX-License-Identifier: Apache-2.0
"""Casbin as the language of grants and as the oracle: the same rules asked one by one.

Too slow for the road (0.08 ms at 10 rules, 41 ms at 10,000, for one of the many questions that make
a view), so ``decide.grants`` answers there; ``gateway check`` and a property test compare the two.
The model uses no ``keyMatch`` and no ``regexMatch``: ``keyMatch('/crm/export/secret',
'/crm/*/public')`` is true.
"""

from collections.abc import Callable, Mapping

import casbin
import msgspec
from casbin.model import Model

from gateway.decide.rules import Grant, RuleSet
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import is_under
from gateway.domain.treatment import DROP, Chain, ChainName, Rung, Treatment

MODEL = """
[request_definition]
r = sub, dataset, category, purpose, operation, chain, rung, link, now

[policy_definition]
p = role, dataset, category, purpose, operation, rung, link, eft, from, until

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = g(r.sub, p.role) && under(r.dataset, p.dataset) && under(r.category, p.category) \
&& under(r.purpose, p.purpose) && r.operation == p.operation && in_force(r.now, p.from, p.until) \
&& reaches(r.chain, r.rung, r.link, p.rung, p.link, p.eft)
"""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what, in the words of the model's request."""

    sub: str
    dataset: str
    purpose: str
    operation: str
    now_us: int


class Oracle:
    """A plain Casbin enforcer over a rule set's grants."""

    def __init__(self, rules: RuleSet) -> None:
        """Load every grant and role line."""
        model = Model()
        model.load_model_from_text(MODEL)
        self._enforcer = casbin.Enforcer(model)
        self._enforcer.add_function("under", is_under)
        self._enforcer.add_function("in_force", _in_force)
        self._enforcer.add_function("reaches", _reaching(rules.chains))
        self._enforcer.add_policies([_line(grant) for grant in rules.grants])
        pairs = [(member, role) for member, roles in rules.roles.items() for role in roles if member != role]
        self._enforcer.add_grouping_policies([list(pair) for pair in sorted(pairs)])

    def allows(self, call: Call, field: FieldSpec, chain: Chain, rung: Rung, *, link: bool) -> bool:
        """Ask whether the subject may have the field at a rung, or its link, by the grants alone."""
        return all(
            self._enforcer.enforce(
                call.sub, call.dataset, category, call.purpose, call.operation,
                chain.name, rung, "yes" if link else "no", call.now_us,
            )
            for category in field.categories
        )  # fmt: skip

    def granted(self, call: Call, field: FieldSpec, chain: Chain) -> Treatment:
        """Return the highest rung and the link that the enforcer allows."""
        level = 0
        for rung in chain.rungs[1:]:
            if not self.allows(call, field, chain, rung, link=False):
                break
            level += 1
        return Treatment(level, self.allows(call, field, chain, DROP, link=True))


def _line(grant: Grant) -> list[str]:
    return [
        grant.role,
        grant.dataset,
        grant.category,
        grant.purpose,
        grant.operation,
        grant.rung or "-",
        "yes" if grant.link else "no",
        "allow" if grant.allow else "deny",
        "" if grant.from_us is None else str(grant.from_us),
        "" if grant.until_us is None else str(grant.until_us),
    ]


def _in_force(now_us: int, from_us: str, until_us: str) -> bool:
    return (not from_us or int(from_us) <= now_us) and (not until_us or now_us < int(until_us))


def _reaching(chains: Mapping[ChainName, Chain]) -> Callable[[str, str, str, str, str, str], bool]:
    """Return the function by which a line reaches a question: what it gives, or what it takes."""

    def reaches(chain_name: str, rung: str, link: str, *line: str) -> bool:
        chain = chains[ChainName(chain_name)]
        line_rung, line_link, effect = line
        level = chain.rungs.index(Rung(rung))
        if effect == "allow":
            return level <= (chain.level_of(line_rung) or 0) and (link == "no" or line_link == "yes")
        if link == "yes" and (line_link == "yes" or line_rung == DROP):
            return True
        if line_rung == "-" or (level == 0 and line_rung != DROP):
            return False
        lowest = chain.lowest_of(line_rung)
        return level >= (1 if lowest is None else lowest)

    return reaches
