# SPDX-License-Identifier: Apache-2.0
"""Behind a reveal: whose a surrogate is, and the word of a second person."""
