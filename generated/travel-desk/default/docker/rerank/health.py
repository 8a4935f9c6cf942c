"""Succeeds where the URL given as the only argument answers 200 within four seconds."""

import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=4) as answer:
    sys.exit(0 if answer.status == 200 else 1)
