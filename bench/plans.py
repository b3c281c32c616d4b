# SPDX-License-Identifier: Apache-2.0
"""Part ``plans``: what it takes to load a rule set of so many grants, to compile a plan, and to find one again."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import world
from bench.report import Figure, figure, marked, spin_s
from gateway.app.joins import is_band
from gateway.app.rule_files import read_folder
from gateway.decide.decide import Decider
from gateway.decide.loader.load import load
from gateway.domain.catalog import Route
from gateway.domain.decision import Permit
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, ClientId, DatasetName, DecisionId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.transform.treat import check_chain

GRANTS = (10, 1_000, 10_000, 100_000)
NOW_US = 1_780_000_000_000_000


def measure(*, rounds: int, most: int) -> list[Figure]:
    """Return the figures for each number of grants up to ``most``."""
    found: list[Figure] = []
    reference = [spin_s()]
    for n_grants in (n for n in GRANTS if n <= most):
        found += _of(n_grants, rounds)
        reference.append(spin_s())
    return marked(found, reference)


def _of(n_grants: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        settings = world.made(Path(folder) / "state", 9, n_grants=n_grants)
        files = read_folder(settings.policies_dir)
        started_s = time.perf_counter()
        rules = load(files, check_chain=check_chain)
        load_s = time.perf_counter() - started_s
    inquiry = _inquiry(rules.catalog.routes[0])
    decider = Decider(rules, is_band)
    assert isinstance(decider.decide(inquiry, (), NOW_US), Permit)
    cold_ms, warm_us = [], []
    for _ in range(rounds):
        fresh = Decider(rules, is_band)
        cold_ms.append(_took_s(lambda: fresh.decide(inquiry, (), NOW_US)) * 1e3)  # noqa: B023 - called here
        warm_us.append(_took_s(lambda: [decider.decide(inquiry, (), NOW_US) for _ in range(1_000)]) * 1e3)
    word = f"{n_grants:,} grants"
    return [
        figure("plans", f"{word}: rules read and judged", "s", [load_s]),
        figure("plans", f"{word}: plan compiled", "ms", cold_ms),
        figure("plans", f"{word}: decision with the plan at hand", "µs", warm_us),
    ]


def _took_s(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def _inquiry(route: Route) -> Inquiry:
    who = Principal(
        account=AccountId("a:bench"),
        kind=PrincipalKind.PERSON,
        roles=(RoleName(world.ROLE),),
        client=ClientId("bench"),
        recipient=RecipientId("own"),
        proof=Assurance.PERSON,
        signed_in_us=NOW_US,
        scopes=(PurposeKey(world.PURPOSE),),
        session="s:bench",
    )
    return Inquiry(
        decision_id=DecisionId("0" * 32),
        principal=who,
        purpose=PurposeKey(world.PURPOSE),
        reference=None,
        operation=route.operation,
        dataset=DatasetName(route.dataset),
        route=route,
        fields=None,
        filters=(),
        sorts=(),
        limit=50,
        offset=None,
    )
