# SPDX-License-Identifier: Apache-2.0
"""A map whose keys are people: what a look at a store writes down must not hold the keys."""

import json

import msgspec

from gateway.discover.dataset_yaml import dataset_yaml
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.names import StoreName
from tests.fakes.canaries import canary

KEYS = [canary(number, "religion") for number in range(1, 31)]


def mail(key: str) -> str:
    """Return a mail that has a canary in it."""
    return f"{key}@example.com"


BODIES: tuple[object, ...] = (
    [{"id": n, "by": {key: 1}} for n, key in enumerate(KEYS)],
    [{"id": n, "by": {mail(key): {"n": 1}}} for n, key in enumerate(KEYS)],
    [{"id": n, mail(key): [1]} for n, key in enumerate(KEYS)],
    [{"id": n, "by": {"of": {mail(key): "x" for key in KEYS}}} for n in range(2)],
    [{"id": 1, "by": {mail(KEYS[0]): 1}}],
    {"items": [{"id": 1}], mail(KEYS[0]): {"n": 1}, "next": None},
    {"id": 1, "by": dict.fromkeys(KEYS, 1)},
    {"id": 1, mail(KEYS[0]): 2},
)


def test_no_key_of_a_map_is_in_what_a_look_writes() -> None:
    """Neither in the file, nor in its comments, nor in what the command answers and the log keeps."""
    for body in BODIES:
        path = "/people/1" if isinstance(body, dict) and "id" in body else "/people"
        samples = [Sample(path="/people", body=[{"id": 1}]), Sample(path=path, body=body)]
        proposal = propose(StoreName("crm"), None, samples)
        written = dataset_yaml(proposal) + json.dumps(msgspec.to_builtins(proposal), default=str)
        assert "id" in written
        assert [key for key in KEYS if key.lower() in written.lower()] == [], path
