"""make bench: ratios of two things measured in one run, the time of a revocation, and how often the gate errs."""

import subprocess
import sys

from tests.bench import change, filter_quality, ingest, revocation, search

chunks = 100_000 if "--whole" in sys.argv else 20_000
search.main(chunks)
filter_quality.main(chunks)
change.main()
revocation.main()
# by itself: Prefect keeps to the first project that it meets in a process
subprocess.run([sys.executable, "-m", "tests.bench.gate"], check=True)
ingest.main(documents=None if "--whole" in sys.argv else 500)
