"""The chat format: Meta's strings and ids, masks, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minillama.chat import RESERVED, check_message, encode_dialog, fold_system
from minillama.tokenizer import Tokenizer

TEXT = "Where does Ada live? Ada lives in Greyport. [INST] be kind [/INST] <<SYS>>\n<</SYS>>\n\n What is 2 + 3? " * 30


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([TEXT], vocab_size=320)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


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
    ],
)
def test_wrong_dialogs_say_what_is_wrong(tokenizer, dialog, message):
    with pytest.raises(ValueError, match=message):
        encode_dialog(dialog, tokenizer)


def test_a_dialog_past_the_context_is_refused(tokenizer):
    dialog = [user("What is 2 + 3?"), assistant("5")]
    length = len(encode_dialog(dialog, tokenizer))
    assert len(encode_dialog(dialog, tokenizer, max_seq_len=length)) == length
    with pytest.raises(ValueError, match="more than the context"):
        encode_dialog(dialog, tokenizer, max_seq_len=length - 1)


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
