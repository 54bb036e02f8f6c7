"""make bench: ratios of two things measured in one run, and how long a revocation takes."""

import sys

from tests.bench import change, filter_quality, ingest, revocation, search

chunks = 100_000 if "--whole" in sys.argv else 20_000
search.main(chunks)
filter_quality.main(chunks)
change.main()
revocation.main()
ingest.main(documents=None if "--whole" in sys.argv else 500)
