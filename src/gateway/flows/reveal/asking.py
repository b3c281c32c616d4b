# SPDX-License-Identifier: Apache-2.0
"""The word of a second person, as a reveal needs it: asked for, and used up.

RULES

1. What is asked for is entered before it is kept; who asks again for exactly the same gets the same back.
2. An approval is good once. The database decides when that was; the entry that says so is durable before anything
   leaves, so a database that is put back knows it as well.
3. Whoever approved has to be somebody who still may when the word is used.
"""

import base64
import secrets
from collections.abc import Awaitable, Callable

from gateway.domain.approval import LASTS_US, MOST_OPEN, Approval, Bound
from gateway.domain.entry import Changed
from gateway.domain.names import AccountId, DecisionId
from gateway.flows.reveal import ports

ASKED, SPENT = "reveal-asked", "reveal-approval-spent"


def new_approval_id() -> str:
    """Return an identifier for an approval."""
    return "ap_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


class Approvals:
    """Second persons' words, as the access flow asks for them."""

    def __init__(
        self,
        kept: ports.KeptApprovals,
        recorder: ports.Recorder,
        may_approve: Callable[[AccountId], Awaitable[bool]],
    ) -> None:
        """Take what it stands on.

        Args:
            kept: Where they are.
            recorder: The log.
            may_approve: Tells whether an account is one that may approve now.
        """
        self._kept, self._recorder, self._may_approve = kept, recorder, may_approve

    async def ask(self, bound: Bound, n_surrogates: int, now_us: int) -> Approval | None:
        """Return what there is for exactly this and not spent, or a new one that waits; ``None`` if too many wait.

        Raises:
            LogUnavailable / StateUnavailable: Nothing was asked for.
        """
        there = await self._kept.of(bound, now_us)
        if there is not None:
            return there
        if await self._kept.n_open(bound.account, now_us) >= MOST_OPEN:
            return None
        new = Approval(
            id=new_approval_id(), bound=bound, surrogates=n_surrogates, asked_us=now_us, until_us=now_us + LASTS_US
        )
        facts: dict[str, str | int] = {
            "dataset": bound.dataset,
            "field": bound.field,
            "purpose": bound.purpose,
            "reference": bound.reference,
            "client": bound.client,
            "surrogates": n_surrogates,
            "until_us": new.until_us,
        }
        await self._recorder.append(Changed(by=bound.account, what=ASKED, target=new.id, facts=facts))
        return await self._kept.add(new, most_open=MOST_OPEN, now_us=now_us)

    async def spend(self, approval: Approval, by: DecisionId, now_us: int) -> bool:
        """Let it be used up, durably and once; tell whether this was the time.

        Raises:
            LogUnavailable / StateUnavailable: It may be used up, and nothing may leave.
        """
        is_ours = approval.by not in ("", approval.bound.account) and await self._may_approve(approval.by)
        if not is_ours or not await self._kept.spend(approval.id, now_us):
            return False
        facts: dict[str, str | int] = {"call": by, "approved_by": approval.by}
        await self._recorder.append(Changed(by=approval.bound.account, what=SPENT, target=approval.id, facts=facts))
        return True
