# SPDX-License-Identifier: Apache-2.0
"""What of a log is proven, and proofs for others. Nothing here adds an entry."""
