# SPDX-License-Identifier: Apache-2.0
"""The index of the log in tables: derived from the files, built anew from them at any time."""
