# SPDX-License-Identifier: Apache-2.0
"""The decision: facts in, view or refusal out. Pure: no clock, no chance, no I/O."""
