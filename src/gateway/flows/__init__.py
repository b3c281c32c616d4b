# SPDX-License-Identifier: Apache-2.0
"""Stories, each for itself and from beginning to end. What has state comes as a Protocol that the story declares."""
