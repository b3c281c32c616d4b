# SPDX-License-Identifier: Apache-2.0
"""An incident: how far it reached, and the sealed list of people."""
