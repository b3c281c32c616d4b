# SPDX-License-Identifier: Apache-2.0
"""What an installation is told: ``gateway.yaml``, the environment and the files of secrets that they name."""
