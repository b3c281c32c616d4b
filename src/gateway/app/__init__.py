# SPDX-License-Identifier: Apache-2.0
"""The composition root: opens an installation and joins its rooms. No rule is made here."""
