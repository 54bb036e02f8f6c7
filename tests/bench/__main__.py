"""make bench: ratios of two things measured in one run, and how long a revocation takes."""

import sys

from tests.bench import change, ingest, revocation, search

search.main(100_000 if "--whole" in sys.argv else 20_000)
change.main()
revocation.main()
ingest.main(documents=None if "--whole" in sys.argv else 500)
