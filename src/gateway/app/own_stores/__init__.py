# SPDX-License-Identifier: Apache-2.0
"""A store that nobody declared yet: looked at, proposed, reviewed, tried."""
