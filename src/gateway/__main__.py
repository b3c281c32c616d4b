# SPDX-License-Identifier: Apache-2.0
"""Starts the command line: ``python -m gateway``."""

from gateway.cli.main import main

if __name__ == "__main__":
    main()
