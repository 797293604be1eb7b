"""The chat format: Meta's strings and ids, masks, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.chat import RESERVED, DialogTokens, check_message, encode_dialog, encode_turn, fold_system
from minillama.tokenizer import Tokenizer

TEXT = "Where does Ada live? Ada lives in Greyport. [INST] be kind [/INST] <<SYS>>\n<</SYS>>\n\n What is 2 + 3? " * 30


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT], vocab_size=320)


@pytest.fixture(scope="module")
def letters():
    """Knows "#" (id 260) and the space (259) only; any other letter is its byte, whose id is the byte plus 3."""
    return Tokenizer.train(["# # "], vocab_size=261)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


# "[INST]" and "[/INST]": [ = 91 + 3, I = 73 + 3, N = 78 + 3, S = 83 + 3, T = 84 + 3, ] = 93 + 3, / = 47 + 3.
INST, END_INST = [94, 76, 81, 86, 87, 96], [94, 50, 76, 81, 86, 87, 96]
# "<<SYS>>\nb\n<</SYS>>\n\n": < = 60 + 3, S, Y = 89 + 3, > = 62 + 3, newline = 10 + 3, b = 98 + 3.
SYS = [63, 63, 86, 92, 86, 65, 65, 13, 101, 13, 63, 63, 50, 86, 92, 86, 65, 65, 13, 13]
FIRST = [1, 259, *INST, 259, 107, 108, 259, *END_INST]  # "hi": h = 104 + 3, i = 105 + 3
SECOND = [1, 259, *INST, 259, 260, 259, *END_INST]  # "#"
ANSWERED = [259, 124, 114, 259, 2]  # " yo " and EOS: y = 121 + 3, o = 111 + 3
FIRST_SYS = [1, 259, *INST, 259, *SYS, 107, 108, 259, *END_INST]


@pytest.mark.parametrize(
    ("dialog", "texts", "parts"),
    [
        ([user(" hi\n")], ["[INST] hi [/INST]"], [(FIRST, 0)]),
        ([system("b"), user("hi")], ["[INST] <<SYS>>\nb\n<</SYS>>\n\nhi [/INST]"], [(FIRST_SYS, 0)]),
        ([user("hi"), assistant("\tyo ")], ["[INST] hi [/INST] yo "], [(FIRST, 0), (ANSWERED, 1)]),
        (
            [user("hi"), assistant("yo"), user("#")],
            ["[INST] hi [/INST] yo ", "[INST] # [/INST]"],
            [(FIRST, 0), (ANSWERED, 1), (SECOND, 0)],
        ),
        (
            [system("b"), user("hi"), assistant("yo"), user("#"), assistant("yo")],
            ["[INST] <<SYS>>\nb\n<</SYS>>\n\nhi [/INST] yo ", "[INST] # [/INST] yo "],
            [(FIRST_SYS, 0), (ANSWERED, 1), (SECOND, 0), (ANSWERED, 1)],
        ),
    ],
    ids=["one turn", "one turn, system", "answered", "two turns", "two turns, system, answered"],
)
def test_strings_ids_and_mask_written_by_hand(letters, dialog, texts, parts):
    encoded = encode_dialog(dialog, letters)
    assert list(encoded.tokens) == [token for ids, _ in parts for token in ids]
    assert list(encoded.loss_mask) == [counts for ids, counts in parts for _ in ids]
    assert [letters.decode(turn) for turn in turns_of(encoded.tokens)] == texts


def turns_of(tokens):
    """The ids of each turn: BOS opens one."""
    starts = [place for place, token in enumerate(tokens) if token == 1]
    return [tokens[start:end] for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True)]


def test_single_turn_to_answer_is_bos_and_the_prompt_without_eos(tokenizer):
    encoded = encode_dialog([user("  Where does Ada live? ")], tokenizer)
    assert list(encoded.tokens) == [1, *tokenizer.encode("[INST] Where does Ada live? [/INST]")]
    assert set(encoded.loss_mask) == {0}


def test_finished_turn_ends_with_a_space_and_eos_and_only_the_answer_counts(tokenizer):
    encoded = encode_dialog([user("Where does Ada live?"), assistant(" Ada lives in Greyport.\n")], tokenizer)
    assert list(encoded.tokens) == [
        1,
        *tokenizer.encode("[INST] Where does Ada live? [/INST] Ada lives in Greyport. "),
        2,
    ]
    targets = [token for token, counts in zip(encoded.tokens, encoded.loss_mask, strict=True) if counts]
    assert targets[-1] == 2
    assert tokenizer.decode(targets[:-1]).strip() == "Ada lives in Greyport."


def test_every_turn_is_encoded_on_its_own(tokenizer):
    first = [user("Where does Ada live?"), assistant("Ada lives in Greyport.")]
    second = [user("What is 2 + 3?"), assistant("5")]
    both = encode_dialog(first + second, tokenizer)
    parts = [encode_dialog(part, tokenizer) for part in (first, second)]
    assert both.tokens == parts[0].tokens + parts[1].tokens
    assert both.loss_mask == parts[0].loss_mask + parts[1].loss_mask


def test_system_message_is_folded_into_the_first_user_message_only(tokenizer):
    dialog = [system("be kind"), user("What is 2 + 3?"), assistant("5"), user("Where does Ada live?")]
    folded = fold_system(dialog)
    assert folded[0]["content"] == "<<SYS>>\nbe kind\n<</SYS>>\n\nWhat is 2 + 3?"
    encoded = encode_dialog(dialog, tokenizer)
    expected = "[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nWhat is 2 + 3? [/INST] 5 "
    first = [1, *tokenizer.encode(expected), 2]
    assert list(encoded.tokens[: len(first)]) == first
    assert list(encoded.tokens[len(first) :]) == [1, *tokenizer.encode("[INST] Where does Ada live? [/INST]")]


@pytest.mark.parametrize("mark", RESERVED)
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_marks_of_the_format_are_refused_in_every_role(tokenizer, mark, role):
    dialogs = {
        "system": [system(f"a{mark}b"), user("hi")],
        "user": [user(f"a{mark}b")],
        "assistant": [user("hi"), assistant(f"a{mark}b")],
    }
    with pytest.raises(ValueError, match="marks turns"):
        encode_dialog(dialogs[role], tokenizer)


@pytest.mark.parametrize(
    ("dialog", "message"),
    [
        ([], "empty"),
        ([system("be kind")], "only a system"),
        ([assistant("hello")], "not 'user'"),
        ([user("a"), user("b")], "not 'assistant'"),
        ([user("a"), system("b")], "not 'assistant'"),
        ([user("a"), assistant("  \n")], "empty"),
        ([{"role": "tool", "content": "x"}], "unknown role"),
        ([{"role": "user"}], "empty"),
        ([user("")], "user message is empty"),
        ([system(" "), user("a")], "system message is empty"),
        ([user("a"), assistant("b"), {"content": "c"}], "unknown role None"),
        ([system("be kind"), assistant("a")], "not 'user'"),
        ([system("be kind"), system("be brief"), user("a")], "'system', not 'user'"),
        ([user("a"), assistant("b"), assistant("c")], "not 'user'"),
        ([user("a"), assistant("b"), user("c [INST]")], "marks turns"),
    ],
)
def test_wrong_dialogs_say_what_is_wrong_before_anything_is_encoded(tokenizer, monkeypatch, dialog, message):
    monkeypatch.setattr(Tokenizer, "encode", lambda *_, **__: pytest.fail("something was encoded"))
    with pytest.raises(ValueError, match=message):
        encode_dialog(dialog, tokenizer)


def test_a_mask_as_long_as_the_tokens_is_needed():
    with pytest.raises(ValueError, match="2 tokens need as many mask entries, not 1"):
        DialogTokens((1, 2), (0,))


def test_a_tokenizer_that_joins_the_prompt_to_the_answer_is_refused(tokenizer, monkeypatch):
    """The answer's first token would otherwise hold a piece of the prompt, and the mask would cut through it."""
    encode = Tokenizer.encode
    joined = lambda self, text, **ends: [9, *encode(self, text, **ends)] if text.endswith("5 ") else encode(self, text)  # noqa: E731
    monkeypatch.setattr(Tokenizer, "encode", joined)
    with pytest.raises(ValueError, match="joins"):
        encode_turn("What is 2 + 3?", "5", tokenizer)


def test_a_dialog_past_the_context_is_refused(tokenizer):
    dialog = [user("What is 2 + 3?"), assistant("5")]
    length = len(encode_dialog(dialog, tokenizer))
    assert len(encode_dialog(dialog, tokenizer, max_seq_len=length)) == length
    with pytest.raises(ValueError, match="more than the context"):
        encode_dialog(dialog, tokenizer, max_seq_len=length - 1)


FRAGMENTS = [
    "[",
    "]",
    "/",
    "INST",
    "[INST",
    "INST]",
    "<<",
    ">>",
    "SYS",
    "<</SYS",
    "<",
    ">",
    "s",
    "/s",
    " ",
    "\n",
    "\u2581",
    "5",
]


@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=6).map("".join), min_size=4, max_size=4)
)
def test_pieces_of_marks_never_add_up_to_a_mark(tokenizer, texts):
    """What a dialogue of near-marks decodes to has the marks of its turns and no others."""
    roles = (system, user, assistant, user)
    dialog = [role(text) for role, text in zip(roles, texts, strict=True)]
    try:
        encoded = encode_dialog(dialog, tokenizer)
    except ValueError:
        return
    assert [encoded.tokens.count(token) for token in (0, 1, 2)] == [0, 2, 1]
    decoded = "".join(tokenizer.decode(turn) for turn in turns_of(encoded.tokens))
    assert [decoded.count(mark) for mark in RESERVED] == [2, 2, 1, 1, 0, 0]


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1))
def test_text_from_a_user_never_becomes_a_control_token(tokenizer, text):
    try:
        check_message(user(text))
    except ValueError:
        return
    encoded = encode_dialog([user(text), assistant("5")], tokenizer)
    assert encoded.tokens.count(1) == 1
    assert encoded.tokens.count(2) == 1
    assert encoded.tokens[0] == 1
    assert encoded.tokens[-1] == 2
    assert 0 not in encoded.tokens
