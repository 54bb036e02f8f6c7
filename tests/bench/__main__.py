"""make bench: each figure is a ratio of two things measured in one run."""

import sys

from tests.bench import change, filter_quality, ingest, search

search.main()
filter_quality.main(100_000 if "--whole" in sys.argv else 20_000)
change.main()
ingest.main(documents=None if "--whole" in sys.argv else 500)
