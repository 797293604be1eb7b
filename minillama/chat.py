"""The chat format of Llama 2: what a dialogue looks like to the model.

A finished turn is ``BOS [INST] user [/INST] answer EOS``, each turn encoded on its own; a system message is folded into
the first user message between ``<<SYS>>`` marks (Meta's ``generation.py``). The marks are ordinary text, not special
ids, so a message that contains them could forge a turn: such messages are refused before anything is encoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minillama.tokenizer import Tokenizer

B_INST, E_INST = "[INST]", "[/INST]"
B_SYS, E_SYS = "<<SYS>>\n", "\n<</SYS>>\n\n"
RESERVED = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>")
ROLES = ("system", "user", "assistant")

Message = Mapping[str, str]


@dataclass(frozen=True)
class DialogTokens:
    """A dialogue as the model sees it: ``loss_mask[i]`` is 1 where token ``i`` is a target (answers and their EOS)."""

    tokens: tuple[int, ...]
    loss_mask: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.loss_mask):
            raise ValueError(f"{len(self.tokens)} tokens need as many mask entries, not {len(self.loss_mask)}")

    def __len__(self) -> int:
        return len(self.tokens)


def check_message(message: Message) -> None:
    """Raise ``ValueError`` for an unknown role, an empty message or one that contains a mark of the chat format."""
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}: use one of {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"the {role} message is empty: every message needs text in 'content'")
    for mark in RESERVED:
        if mark in content:
            raise ValueError(f"the {role} message contains {mark!r}, which marks turns for the model: remove it")


def check_dialog(dialog: Sequence[Message]) -> None:
    """Raise ``ValueError`` unless ``dialog`` is an optional system message, then user and assistant in turn."""
    if not dialog:
        raise ValueError("the dialog is empty: it needs at least one user message")
    for message in dialog:
        check_message(message)
    turns = dialog[1:] if dialog[0]["role"] == "system" else dialog
    if not turns:
        raise ValueError("the dialog has only a system message: a user message must follow")
    for index, message in enumerate(turns):
        expected = "user" if index % 2 == 0 else "assistant"
        if message["role"] != expected:
            raise ValueError(f"message {index} after the system message is from {message['role']!r}, not {expected!r}")


def fold_system(dialog: Sequence[Message]) -> list[Message]:
    """Return the dialog with its system message, if any, folded into the first user message."""
    if dialog[0]["role"] != "system":
        return list(dialog)
    system, user = dialog[0]["content"], dialog[1]["content"]
    return [{"role": "user", "content": B_SYS + system + E_SYS + user}, *dialog[2:]]


def encode_turn(user: str, answer: str | None, tokenizer: Tokenizer) -> DialogTokens:
    """Encode one turn; without an answer, the turn stops where the model is to go on, with no EOS."""
    prompt = f"{B_INST} {user.strip()} {E_INST}"
    prompt_ids = tokenizer.encode(prompt, bos=True)
    if answer is None:
        return DialogTokens(tuple(prompt_ids), (0,) * len(prompt_ids))
    ids = tokenizer.encode(f"{prompt} {answer.strip()} ", bos=True, eos=True)
    # No piece reaches from "[/INST]" into the answer, since pieces hold a space only in front: the prompt is a prefix.
    if ids[: len(prompt_ids)] != prompt_ids:
        raise ValueError("this tokenizer has a piece that joins '[/INST]' to the answer: train it on split words")
    return DialogTokens(tuple(ids), (0,) * len(prompt_ids) + (1,) * (len(ids) - len(prompt_ids)))


def encode_dialog(dialog: Sequence[Message], tokenizer: Tokenizer, *, max_seq_len: int | None = None) -> DialogTokens:
    """Encode a dialogue exactly as Meta's code does and mark the targets: answers and the EOS after each.

    Args:
        dialog: messages ``{"role", "content"}``; ends with the assistant (to train on) or the user (to answer).
        tokenizer: with BOS and EOS as in Llama.
        max_seq_len: longest result allowed, in tokens.

    Raises:
        ValueError: for a bad role or order, an empty message, a mark of the chat format inside a message, or a
            dialogue longer than ``max_seq_len``.

    Source: Meta's ``generation.py``; the loss on answers only is section 3.1 of the paper.
    """
    check_dialog(dialog)
    turns = fold_system(dialog)
    tokens: list[int] = []
    mask: list[int] = []
    for index in range(0, len(turns), 2):
        answer = turns[index + 1]["content"] if index + 1 < len(turns) else None
        turn = encode_turn(turns[index]["content"], answer, tokenizer)
        tokens.extend(turn.tokens)
        mask.extend(turn.loss_mask)
    if max_seq_len is not None and len(tokens) > max_seq_len:
        raise ValueError(f"the dialog has {len(tokens)} tokens, more than the context of {max_seq_len}: drop old turns")
    return DialogTokens(tuple(tokens), tuple(mask))
