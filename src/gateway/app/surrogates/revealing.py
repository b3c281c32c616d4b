# SPDX-License-Identifier: Apache-2.0
"""Reveals joined to an installation's rooms: the vault, people, and who may be a second person."""

from functools import partial

from gateway.app.installation import Rooms
from gateway.app.joins import IdentifyJoin
from gateway.domain.catalog import APPROVE
from gateway.domain.names import AccountId
from gateway.domain.own_data import OWN_APPROVALS
from gateway.flows.access.ports.at_rest import Reveals
from gateway.flows.reveal.approving import Approving
from gateway.flows.reveal.asking import Approvals
from gateway.flows.reveal.finding import Finding
from gateway.keys import envelope
from gateway.store.approvals import RevealApprovals
from gateway.store.vault import Vault


def reveals_of(rooms: Rooms) -> Reveals:
    """Return what a reveal needs beside the rest of a call."""
    kept = RevealApprovals(rooms.store)
    return Reveals(
        behind=Finding(rooms.people, Vault(rooms.store, rooms.keyring, envelope)),
        approvals=Approvals(kept, rooms.log, partial(may_approve, rooms)),
    )


def approving_of(rooms: Rooms, identify: IdentifyJoin) -> Approving:
    """Return what hears who decides on reveals of others."""
    return Approving(
        rules=rooms.policy,
        identify=identify,
        holds=rooms.holds,
        kept=RevealApprovals(rooms.store),
        recorder=rooms.log,
        clock=rooms.clock,
    )


async def may_approve(rooms: Rooms, account: AccountId) -> bool:
    """Tell whether an account may approve reveals now: it is not disabled, nothing is held back, a grant is in force."""
    record = await rooms.accounts.get(account)
    if record is None or record.disabled_us is not None or await rooms.holds.on(account):
        return False
    decider, now_us = rooms.policy.decider, rooms.clock()
    granted = [
        grant
        for purpose in decider.rules.purposes
        for grant in decider.grants_for(
            account, record.account.roles, operation=APPROVE, purpose=purpose, dataset=OWN_APPROVALS
        )
    ]
    return any(grant.allow and grant.in_force(now_us) for grant in granted)
