"""Run the command from a checkout: ``python cli.py run --layer gold``."""

from __future__ import annotations

from padm_ibis.cli import main

if __name__ == "__main__":
    main()
