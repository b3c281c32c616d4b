# SPDX-License-Identifier: Apache-2.0
"""The other end of a connection: its loss is told once, to whoever listens then."""

from gateway.doors.http.peer import PEER, Peer, peer_of


def test_a_loss_is_told_once_to_the_one_who_listens() -> None:
    """And whoever comes later can see it."""
    peer, heard = Peer(), list[str]()
    peer.on_gone = lambda: heard.append("gone")
    assert not peer.is_gone
    peer.leave()
    peer.leave()
    assert (peer.is_gone, heard) == (True, ["gone"])


def test_a_server_without_a_word_on_it_has_no_peer() -> None:
    """The scope of any other server is taken as it is."""
    peer = Peer()
    assert peer_of({}) is None
    assert peer_of({"extensions": None}) is None
    assert peer_of({"extensions": {"http.response.push": {}}}) is None
    assert peer_of({"extensions": {PEER: {"peer": peer}}}) is peer
