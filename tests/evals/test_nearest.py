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
def test_no_known_word_is_nearer_than_the_one_found(word: str, known: list[str]) -> None:
    def ratio(candidate: str) -> float:
        return difflib.SequenceMatcher(None, candidate, word, autojunk=False).ratio()

    found = nearest(word, known)
    assert found in known
    assert ratio(found) == max(map(ratio, known))
