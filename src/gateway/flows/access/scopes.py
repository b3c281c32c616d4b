# SPDX-License-Identifier: Apache-2.0
"""Plans in the scope of another recipient: of a message, the surrogates are the caller's and the view the recipient's."""

import msgspec

from gateway.domain.names import RecipientId
from gateway.domain.viewplan import ViewPlan

KEPT = 256


class Scopes:
    """Remembers them, so that each has one codec; the same object for the same of each."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: dict[tuple[int, RecipientId], tuple[ViewPlan, ViewPlan]] = {}

    def __call__(self, plan: ViewPlan, recipient: RecipientId) -> ViewPlan:
        """Return the plan as it is, but for whose surrogates it knows."""
        if plan.recipient == recipient:
            return plan
        key = (id(plan), recipient)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= KEPT:
                self._known.clear()
            # The plan is kept beside its other, so that its id cannot be given to another.
            known = self._known[key] = (plan, msgspec.structs.replace(plan, recipient=recipient))
        return known[1]
