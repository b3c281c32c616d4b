# SPDX-License-Identifier: Apache-2.0
"""A column of a live store turned over, from values to what the store is to hold, and back."""
