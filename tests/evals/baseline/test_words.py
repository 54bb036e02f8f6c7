from evals.baseline import STOP_WORDS, words


def test_words_are_lower_case_runs_of_letters_digits_and_underscores() -> None:
    assert words("Parental-Leave: 16 weeks, v2_draft!") == ["parental", "leave", "16", "weeks", "v2_draft"]


def test_stop_words_are_left_out_and_words_are_not_stemmed() -> None:
    assert words("How are the weeks of a week?") == ["weeks", "week"]


def test_an_accent_is_one_letter_however_it_was_typed() -> None:
    assert words("cafe\u0301") == words("CAFÉ") == ["café"]


def test_a_text_of_nothing_but_signs_has_no_words() -> None:
    assert words("?! — \n") == words("") == []


def test_stop_words_are_words_that_the_tokenizer_would_find() -> None:
    assert all(word.isalpha() and word == word.lower() for word in STOP_WORDS)
    assert words(" ".join(STOP_WORDS)) == []
