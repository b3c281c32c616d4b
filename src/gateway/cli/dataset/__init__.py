# SPDX-License-Identifier: Apache-2.0
"""``gateway dataset infer|review``: a store looked at, and what was found confirmed by somebody who looked."""
