# SPDX-License-Identifier: Apache-2.0
"""How long ``/-/openapi.json`` takes for 1,000 fields: the deciding of each look, and the writing of the first.

Ten collections of 100 fields, four routes each, five purposes, 5,000 grants. Run: ``python -m bench.openapi_document``.
"""

import time
from collections.abc import Callable

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.offer import gathered, offers
from gateway.domain.catalog import Catalog, Route
from gateway.domain.names import DatasetName, FieldName, PurposeKey
from gateway.domain.offer import Offer
from gateway.domain.parameters import FilterParameter, LimitParameter
from gateway.doors.http.openapi.document import Documents
from tests.fakes.deciding import COLLECTION, NOW_US, PERSON, PURPOSE, ROUTE, ceiling, field, grant, rules

N_COLLECTIONS, N_FIELDS, N_PURPOSES, N_ROUTES, N_RUNS = 10, 100, 5, 4, 20


def made() -> Decider:
    """Return the decider of such rules."""
    collections, routes, grants = {}, list[Route](), []
    purposes = [PurposeKey(f"marketing.p{n}") for n in range(N_PURPOSES)]
    for number in range(N_COLLECTIONS):
        dataset = DatasetName(f"crm.c{number}")
        fields = tuple(field(f"f{n}", f"user.c{number}.f{n}") for n in range(N_FIELDS))
        collections[dataset] = msgspec.structs.replace(
            COLLECTION, dataset=dataset, fields=fields, subject=None, birth_date=None
        )
        parameters = {one.name: FilterParameter(FieldName(one.name)) for one in fields[:20]}
        for route in range(N_ROUTES):
            template = f"/crm/c{number}/r{route}"
            routes.append(
                msgspec.structs.replace(
                    ROUTE, dataset=dataset, template=template, parameters={**parameters, "limit": LimitParameter()}
                )
            )
        grants += [
            grant(f"user.c{number}.f{n}", "mask" if n % 2 else "reveal", purpose=key, dataset=dataset, line=n)
            for n in range(N_FIELDS)
            for key in purposes
        ]
    rule = msgspec.structs.replace(PURPOSE, categories=(ceiling("user"),))
    return Decider(
        rules(
            catalog=Catalog(collections=collections, routes=tuple(routes)),
            grants=tuple(grants),
            purposes={key: msgspec.structs.replace(rule, key=key) for key in purposes},
        ),
        in_band=lambda _rung, _text: True,
    )


def offered(decider: Decider) -> Offer:
    """Return what the bench's person may do."""
    return gathered(decider, PERSON, tuple(one for one in offers(decider, PERSON, (), NOW_US) if one is not None))


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds of the fastest of some runs."""
    found = []
    for _ in range(N_RUNS):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return min(found)


def main() -> None:
    """Measure and print."""
    decider, documents = made(), Documents()
    start = time.perf_counter()
    first = documents.written(offered(decider))
    cold_ms = (time.perf_counter() - start) * 1000
    warm_ms = timed(lambda: documents.written(offered(decider)))
    print(f"{N_COLLECTIONS * N_FIELDS} fields, {N_COLLECTIONS * N_ROUTES} routes, {N_PURPOSES} purposes: ", end="")
    print(f"first {cold_ms:.0f} ms, again {warm_ms:.1f} ms, {len(first) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
