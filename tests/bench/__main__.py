"""make bench: each figure is a ratio of two things measured in one run."""

from tests.bench import search

search.main()
