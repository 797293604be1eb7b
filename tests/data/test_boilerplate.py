from minillama.data.boilerplate import find_boilerplate, line_key, remove_boilerplate
from minillama.valley.corpus import Document

SOURCES = ("letters", "forum", "news", "tales")


def document(number, *lines):
    return Document(text="\n".join(lines), source=SOURCES[number % 4])


def test_lines_are_the_same_but_for_case_spaces_and_digits():
    assert line_key("  Page 3  of 12 ") == line_key("page 10 of 4") == "page 0 of 0"


def test_what_is_repeated_at_edges_across_sources_is_found():
    documents = [
        document(i, f"Text {'abcdefghij'[i % 10]} number of its own", f"Page {i} of 40, go on.") for i in range(8)
    ]
    assert find_boilerplate(documents) == {"page 0 of 0, go on."}


def test_repeated_text_is_not_boilerplate_in_the_middle_in_one_source_when_short_or_in_copies():
    middle = [document(i, f"begin {i}{'x' * i}", "two and two are four", f"end {'y' * i}") for i in range(8)]
    one_source = [document(4 * i, "the sums of this week", f"own {'z' * i}") for i in range(8)]
    short = [document(i, "That is all.", f"mine {'w' * i}") for i in range(8)]
    copies = [document(0, "we print the same page again", "and again")] * 50
    assert find_boilerplate(middle + one_source + short + copies) == frozenset()


def test_removal_leaves_the_rest_as_it_was():
    lines = {"click here for page 0"}
    assert remove_boilerplate("One\n\nTwo\n\nClick here for page 7", lines) == "One\n\nTwo"
    untouched = "\n One \n"
    assert remove_boilerplate(untouched, lines) is untouched
