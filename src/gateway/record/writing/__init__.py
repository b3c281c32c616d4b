# SPDX-License-Identifier: Apache-2.0
"""A log open for writing: the sequencer, one disk or two, opening after any crash."""
