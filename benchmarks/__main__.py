"""``python -m benchmarks``: ``lookmatte bench`` from a clone. Results that were kept lie beside this file."""

from __future__ import annotations

import sys

from lookmatte.cli import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
