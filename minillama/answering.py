"""From a dialogue to the model's reply: the chat format around :func:`minillama.generation.generate`."""

from collections.abc import Sequence

from minillama.chat import Message, encode_dialog
from minillama.generation import generate
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer


def answer_dialogs(
    model: Transformer,
    tokenizer: Tokenizer,
    dialogs: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int = 96,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
    batch_size: int = 256,
) -> list[str]:
    """Reply to dialogues that end with a user message.

    Args:
        model: A chat model.
        tokenizer: The one it was trained with.
        dialogs: Each ends with the user.
        max_new_tokens: Longest reply, in tokens; a dialogue near the end of the context gets a shorter one.
        temperature: 0 takes the likeliest token each time.
        top_p: Share of the distribution that is sampled from.
        seed: For repeatable sampling.
        batch_size: Dialogues answered at a time.

    Returns:
        One reply for each dialogue, in order, without surrounding spaces.

    Raises:
        ValueError: A dialogue is not well formed (see :func:`minillama.chat.encode_dialog`), ends with the assistant
            or leaves no room for a reply.
    """
    context = model.args.max_seq_len
    prompts = [list(encode_dialog(dialog, tokenizer, max_seq_len=context - 1).tokens) for dialog in dialogs]
    for dialog in dialogs:
        if dialog[-1]["role"] != "user":
            raise ValueError(
                f"the last message is from {dialog[-1]['role']!r}: a dialogue to answer ends with the user"
            )
    # Prompts of similar length share a batch, so that little of it is padding.
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    replies = [""] * len(prompts)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        room = context - max(len(prompts[index]) for index in chosen)
        generation = generate(
            model,
            [prompts[index] for index in chosen],
            min(max_new_tokens, room),
            temperature=temperature,
            top_p=top_p,
            seed=None if seed is None else seed + start,
        )
        for index, tokens in zip(chosen, generation.tokens, strict=True):
            replies[index] = tokenizer.decode([token for token in tokens if token != tokenizer.eos_id]).strip()
    return replies
