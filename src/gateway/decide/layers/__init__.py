# SPDX-License-Identifier: Apache-2.0
"""One layer a file: each a pure function that gives a ceiling or a rule on rows, with its reasons."""
