# SPDX-License-Identifier: Apache-2.0
"""The log: ``format`` is what lies on disk; ``reading``, ``writing`` and ``proof`` stand on it."""
