# SPDX-License-Identifier: Apache-2.0
"""Collection limitation: what may be written for a purpose.

For ``create`` and ``update`` the purpose's layer is its collection whitelist, ``collects``, in the
place of the whitelist of what may leave. It knows no rungs: a category is collected or it is not, with
all that lies below it. A field of several categories is collected only if each of them is.

Source: GDPR Art. 5(1)(b), (c); PIPL Art. 6.
"""

from gateway.decide.layers.purposes import free_text_ceiling
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import is_under
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import NOTHING, Chain, smaller
from gateway.domain.viewplan import Ceiling, Layer

COLLECTING = ("create", "update")
"""Operations that write values; a ``delete`` writes none."""


def collects(rule: PurposeRule, field: FieldSpec) -> bool:
    """Tell whether the purpose's collection whitelist has every category of the field."""
    return all(any(is_under(category, key) for key in rule.collects) for category in field.categories)


def ceiling(rule: PurposeRule, field: FieldSpec, chain: Chain) -> Ceiling:
    """Return the most that the purpose's collection whitelist lets be written of a field."""
    if not collects(rule, field):
        return Ceiling(Layer.PURPOSE, NOTHING, f"{rule.key} (not collected)")
    treatment, why = free_text_ceiling(rule, field, chain)
    return Ceiling(Layer.PURPOSE, smaller(chain.top, treatment), f"{rule.key} ({why or 'collected'})")
