# SPDX-License-Identifier: Apache-2.0
"""Who watches: by network and token, never by what a proxy was asked to pass on."""

from ipaddress import ip_network

import pytest

from gateway.doors.http.own.watching import Health, Watching, health_told

Headers = list[tuple[bytes, bytes]]
NEAR, FAR, PROXY = "127.0.0.1", "203.0.113.9", "10.0.0.2"


def watching(token: bytes | None = None, networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")) -> Watching:
    return Watching(
        networks=tuple(map(ip_network, networks)),
        proxies=(ip_network(f"{PROXY}/32"),),
        token=token,
        metrics=lambda: "",
        content_type="text/plain",
        health=Health,
    )


def scope(peer: str, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    return {"client": (peer, 4711), "headers": list(headers)}


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        (NEAR, [], True),
        ("::1", [], True),
        (FAR, [], False),
        ("", [], False),
        (NEAR, [(b"X-Forwarded-For", b"127.0.0.1")], False),
        (NEAR, [(b"forwarded", b"for=127.0.0.1")], False),
        (NEAR, [(b"via", b"1.1 proxy")], False),
        (NEAR, [(b"x-real-ip", b"127.0.0.1")], False),
        (PROXY, [(b"x-forwarded-for", b"203.0.113.9")], False),
        (PROXY, [(b"x-forwarded-for", b"127.0.0.1, 203.0.113.9")], False),
        (PROXY, [(b"x-forwarded-for", b"127.0.0.1")], True),
        (PROXY, [], False),
    ],
)
def test_a_watcher_is_in_the_network_itself(peer: str, headers: Headers, expected: bool) -> None:
    """A proxy beside the gateway must not make everybody on the internet a neighbour."""
    assert watching().is_for(scope(peer, *headers)) is expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([b"Bearer sixteen-letters-"], True),
        ([b"bearer sixteen-letters-"], True),
        ([b"Bearer sixteen-letters"], False),
        ([b"Bearer "], False),
        ([b"sixteen-letters-"], False),
        ([], False),
        ([b"Bearer sixteen-letters-", b"Bearer sixteen-letters-"], False),
    ],
)
def test_where_there_is_a_token_it_is_shown(shown: list[bytes], expected: bool) -> None:
    """Once, as a bearer, whole."""
    headers = [(b"authorization", one) for one in shown]
    assert watching(b"sixteen-letters-").is_for(scope(NEAR, *headers)) is expected


@pytest.mark.parametrize(
    "headers",
    [
        [(b"forwarded", b"for=203.0.113.9")],
        [(b"x-real-ip", b"203.0.113.9")],
        [(b"via", b"1.1 proxy")],
        [(b"x-forwarded-for", b"")],
        [(b"x-forwarded-for", b"unix:")],
        [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"unknown")],
    ],
)
def test_a_proxy_beside_the_gateway_is_no_watcher_for_whom_it_does_not_name(headers: Headers) -> None:
    """Its own address would be in the watchers' network, as it is by default."""
    assert watching(networks=(f"{PROXY}/32",)).is_for(scope(PROXY))
    assert not watching(networks=(f"{PROXY}/32",)).is_for(scope(PROXY, *headers))


def test_a_token_does_not_open_from_elsewhere() -> None:
    """Both must be right."""
    assert not watching(b"sixteen-letters-").is_for(scope(FAR, (b"authorization", b"Bearer sixteen-letters-")))


def test_without_networks_nobody_watches() -> None:
    """The list of nobody is empty."""
    assert not watching(networks=()).is_for(scope(NEAR))


def test_health_is_told_in_words_of_a_closed_list() -> None:
    """What is degraded does not keep a door from its work."""
    assert health_told(Health(degraded=("store:crm",))) == {
        "status": "ready",
        "reasons": (),
        "degraded": ("store:crm",),
    }
    assert health_told(Health(reasons=("disk",)))["status"] == "not ready"
