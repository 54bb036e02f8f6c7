import difflib

from hypothesis import given
from hypothesis import strategies as st

from evals.nearest import nearest


def test_the_nearest_of_several_is_found() -> None:
    assert nearest("expectd", ["answer", "expected", "tags"]) == "expected"


def test_a_tie_goes_by_alphabet() -> None:
    assert nearest("ab", ["ac", "ad"]) == "ac"


def test_nothing_known_is_nothing_near() -> None:
    assert nearest("a", []) == ""


@given(st.text("abc", max_size=6), st.lists(st.text("abc", min_size=1, max_size=6), min_size=1))
def test_the_one_found_is_the_first_by_alphabet_of_the_most_alike(word: str, known: list[str]) -> None:
    def ratio(candidate: str) -> float:
        return difflib.SequenceMatcher(None, candidate, word, autojunk=False).ratio()

    best = max(map(ratio, known))
    assert nearest(word, known) == min(one for one in known if ratio(one) == best)
