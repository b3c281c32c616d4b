# SPDX-License-Identifier: Apache-2.0
"""A call as HTTP tells it: read strictly, judged, and bound to what its route declares. Nothing is answered here."""
