# SPDX-License-Identifier: Apache-2.0
"""The index of the log in a process: kept up, built anew, held against the files, asked."""
