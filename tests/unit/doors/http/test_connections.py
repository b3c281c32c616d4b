# SPDX-License-Identifier: Apache-2.0
"""Connections are counted in all and by address, and who comes beyond that is turned away."""

import random
from ipaddress import ip_network

from gateway.doors.http.connections import Connections


def test_no_address_and_not_all_together_hold_more_than_they_may() -> None:
    """Others still get in while one address is full; when one ends, the next gets in."""
    held = Connections(5, 2)
    assert [held.take("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [held.take(f"192.0.2.{n}") for n in (2, 3, 4, 5)] == [True, True, True, False]
    held.give_back("192.0.2.1")
    assert held.take("192.0.2.1")


def test_a_proxy_of_the_operators_is_bounded_by_the_number_in_all_alone() -> None:
    """It brings the connections of every caller."""
    held = Connections(10, 1, [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")])
    assert all(held.take("10.1.2.3") for _ in range(5))
    assert all(held.take("2001:db8::1") for _ in range(5))
    assert not held.take("10.1.2.3")


def test_each_one_too_many_is_told() -> None:
    """So that it can be entered as a count."""
    told: list[None] = []
    held = Connections(1, 1, turned_away=lambda: told.append(None))
    for _ in range(4):
        held.take("192.0.2.1")
    assert len(told) == 3


def test_nothing_is_left_of_connections_that_ended() -> None:
    """Whatever the order; the memory of addresses does not grow."""
    chance, held, open_ones = random.Random(7), Connections(50, 3), list[str]()
    for _ in range(5000):
        if open_ones and chance.random() < 0.5:
            held.give_back(open_ones.pop(chance.randrange(len(open_ones))))
        else:
            address = f"192.0.2.{chance.randrange(100)}"
            if held.take(address):
                open_ones.append(address)
            assert len(open_ones) <= 50
            assert open_ones.count(address) <= 3
    for address in open_ones:
        held.give_back(address)
    assert not held._by_address
    assert held._n_held == 0
