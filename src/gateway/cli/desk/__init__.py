# SPDX-License-Identifier: Apache-2.0
"""What every command works with: its desk, its paper, what it asks and how it finds what words mean."""
