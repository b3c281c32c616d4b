# SPDX-License-Identifier: Apache-2.0
"""The gateway's own paths below ``/-/``: each answer entered or counted before it is given."""
