import pytest

from evals.statistics import Interval
from evals.wording import counted, interval, named, pair


@pytest.mark.parametrize(
    ("first", "second", "texts"),
    [
        (0.781, 0.402, ("0.781", "0.402")),
        (0.59996, 0.6, ("0.59996", "0.60000")),
        (0.6, 0.6, ("0.600", "0.600")),
        (0.6, 0.6 + 1e-9, ("0.600000", "0.600000")),
    ],
)
def test_two_numbers_have_as_many_decimals_as_tell_them_apart(
    first: float, second: float, texts: tuple[str, str]
) -> None:
    assert pair(first, second) == texts


def test_an_interval_names_its_confidence_and_shows_signs() -> None:
    assert interval(Interval(0.0, -0.05, 0.1, 9), 0.95) == "95 % interval -0.050 to +0.100"
    assert interval(Interval(0.0, -0.05, 0.1, 9), 0.995) == "99.5 % interval -0.050 to +0.100"


def test_a_long_list_is_cut_and_its_rest_counted() -> None:
    assert named(["a", "b"], 2) == "a, b"
    assert named(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_one_is_counted_in_the_singular() -> None:
    assert [counted(n, "leak") for n in (0, 1, 2)] == ["0 leaks", "1 leak", "2 leaks"]
