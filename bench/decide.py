# SPDX-License-Identifier: Apache-2.0
"""How long a decision takes: compiling a plan, and a warm decision, beside Casbin's own enforce.

Run: ``python bench/decide.py [--json]``. Every figure is the median of its repetitions in one run on
one core; read them beside the reference of the same run, the time of a plain Casbin enforce.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.trial.oracle import Call, Oracle
from gateway.domain.decision import Permit
from tests.fakes import rules as draw


def median_us(work: Callable[[], object], times: int) -> float:
    """Return the median time of one call of the work, in microseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter_ns()
        work()
        taken.append((time.perf_counter_ns() - start) / 1000)
    return statistics.median(taken)


def measure(n_grants: int, *, all_for_one: bool) -> dict[str, object]:
    """Return the figures for a rule set of so many grants.

    Args:
        n_grants: Lines of grants.csv.
        all_for_one: Every grant speaks of the one call that is measured, which is the worst there is;
            otherwise they are spread over roles, datasets, purposes and operations.
    """
    rng = random.Random(11)
    rules = draw.rule_set(rng, n_grants=n_grants, timed=False, red_lines=1, denies=0.0)
    if all_for_one:
        same = {"role": "analyst", "dataset": "crm", "purpose": "marketing", "operation": "read"}
        rules = draw.without(rules, grants=tuple(msgspec.structs.replace(grant, **same) for grant in rules.grants))
    decider = Decider(rules, lambda _rung, _text: True)
    inquiry = draw.inquiry(rng, rules, draw.principal(rng))
    for _ in range(10_000):
        if isinstance(decider.decide(inquiry, (), draw.NOW_US), Permit):
            break
        inquiry = draw.inquiry(rng, rules, draw.principal(rng))
    start = time.perf_counter_ns()
    for _ in range(100_000):
        decider.decide(inquiry, (), draw.NOW_US)
    warm_us = (time.perf_counter_ns() - start) / 1000 / 100_000
    purpose = rules.purposes[inquiry.purpose]  # type: ignore[index]

    def cold() -> object:
        # A decider without memory, over the same index of grants.
        fresh = Decider.__new__(Decider)
        vars(fresh).update(vars(decider), _calls={}, _plans={}, _lowered={})
        return fresh.plan(inquiry, purpose, draw.NOW_US)

    oracle = Oracle(rules)
    field = rules.catalog.collections[inquiry.dataset].fields[0]
    call = Call(sub="analyst", dataset=inquiry.dataset, purpose=purpose.key, operation="read", now_us=draw.NOW_US)
    chain = rules.chains[field.chain]
    return {
        "grants": n_grants,
        "spread": "all for this call" if all_for_one else "over many calls",
        "warm_decision_us": round(warm_us, 2),
        "plan_compile_ms": round(median_us(cold, 50) / 1000, 3),
        "casbin_enforce_ms": round(
            median_us(lambda: oracle.allows(call, field, chain, chain.rungs[-1], link=False), 10) / 1000, 3
        ),
    }


def main() -> None:
    """Measure and print."""
    rows = [measure(n, all_for_one=worst) for n in (10, 1_000, 10_000) for worst in (False, True)]
    if "--json" in sys.argv:
        print(json.dumps(rows))
        return
    print(f"{'grants':>8} {'spread':>18} {'warm decision':>16} {'plan compile':>14} {'one casbin enforce':>20}")
    for row in rows:
        print(
            f"{row['grants']:>8} {row['spread']:>18} {row['warm_decision_us']:>13.2f} µs {row['plan_compile_ms']:>11.3f} ms"
            f" {row['casbin_enforce_ms']:>17.3f} ms"
        )


if __name__ == "__main__":
    main()
