# SPDX-License-Identifier: Apache-2.0
"""What rules are put through before they are in force: cases, samples of questions, ways to probe."""
