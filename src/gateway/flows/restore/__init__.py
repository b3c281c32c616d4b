# SPDX-License-Identifier: Apache-2.0
"""A database that was put back: what the log knows is replayed before anything is answered."""
