# SPDX-License-Identifier: Apache-2.0
"""What lies on disk: lines and parts, tree, checkpoints, seals, signatures of others."""
