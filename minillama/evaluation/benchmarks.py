"""Benchmarks as base models take them: choices by log-likelihood, programs and sentences by generation.

The questions are the Valley's (:mod:`minillama.valley.benchmarks`). A choice is scored by the log-likelihood of its
text after the prompt, divided by its number of characters, so that a long choice has no disadvantage.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import log_softmax

from minillama.generation import generate
from minillama.model import Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.benchmarks import Question, few_shot_prompt

Continuation = tuple[str, str]  # a prompt and what may follow it
Score = Callable[[Sequence[Continuation]], Sequence[float]]


def continuation_logprobs(
    model: Transformer, tokenizer: Tokenizer, pairs: Sequence[Continuation], batch_size: int = 64
) -> list[float]:
    """Log-likelihood of each continuation after its prompt, in nats, in the given order.

    Raises:
        ValueError: There are no pairs, a continuation has no tokens of its own, or a row is longer than the context.
    """
    rows = [_tokens(tokenizer, prompt, continuation) for prompt, continuation in pairs]
    if not rows:
        raise ValueError("there are no continuations to score")
    longest = max(len(tokens) for tokens, _ in rows)
    if longest > model.args.max_seq_len:
        raise ValueError(f"a row has {longest} tokens, the model reads {model.args.max_seq_len}; give fewer examples")
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]))
    found = [0.0] * len(rows)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            width = max(len(rows[index][0]) for index in chosen)
            tokens = torch.zeros(len(chosen), width, dtype=torch.long)
            for place, index in enumerate(chosen):  # filled up on the right, where nothing real can see it
                tokens[place, : len(rows[index][0])] = torch.tensor(rows[index][0])
            tokens = tokens.to(model.device)
            logprobs = log_softmax(model(tokens)[:, :-1].float(), dim=-1)
            said = logprobs.gather(2, tokens[:, 1:, None])[..., 0].double().cpu()
            for place, index in enumerate(chosen):
                ids, first = rows[index]
                found[index] = float(said[place, first - 1 : len(ids) - 1].sum())
    model.train(was_training)
    return found


def _tokens(tokenizer: Tokenizer, prompt: str, continuation: str) -> tuple[list[int], int]:
    """Tokens of both together, and the place of the continuation's first token."""
    ids, alone = tokenizer.encode(prompt + continuation, bos=True), tokenizer.encode(prompt, bos=True)
    # Where a piece joins the end of the prompt to the continuation, it belongs to the continuation.
    first = next((place for place, (a, b) in enumerate(zip(ids, alone)) if a != b), min(len(ids), len(alone)))
    if first >= len(ids):
        raise ValueError(f"{continuation!r} adds no token to {prompt!r}")
    return ids, first


def right_choices(questions: Sequence[Question], score: Score, shots: Sequence[Question] = ()) -> list[float]:
    """1.0 for each question whose right choice has the highest log-likelihood per character, else 0.0.

    Args:
        questions: With choices.
        score: Gives the log-likelihood of continuations, as :func:`continuation_logprobs` does for a model.
        shots: Solved questions that stand before each one; a question that is among them has one fewer.

    Raises:
        ValueError: A question has no choices.
    """
    pairs: list[Continuation] = []
    for question in questions:
        if not question.choices:
            raise ValueError(f"question {question.pair!r} has no choices; its answer is generated")
        pairs += [(with_shots(question, shots), choice) for choice in question.choices]
    scores = iter(score(pairs))
    right = []
    for question in questions:
        per_character = [next(scores) / len(choice) for choice in question.choices]
        right.append(float(per_character.index(max(per_character)) == question.answer_index))
    return right


def with_shots(question: Question, shots: Sequence[Question]) -> str:
    """The prompt after solved questions, itself left out."""
    return few_shot_prompt(question, [shot for shot in shots if shot.pair != question.pair])


def continued(
    model: Transformer,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    seed: int = 0,
    batch_size: int = 128,
) -> list[str]:
    """What a model writes after each plain text, without the text itself; spaces at the start are kept."""
    texts: list[str] = []
    for start in range(0, len(prompts), batch_size):
        ids = [tokenizer.encode(prompt, bos=True) for prompt in prompts[start : start + batch_size]]
        generation = generate(model, ids, max_new_tokens, temperature=temperature, seed=seed + start)
        for prompt, tokens in zip(ids, generation.tokens):
            whole = tokenizer.decode([*prompt, *(token for token in tokens if token != tokenizer.eos_id)])
            texts.append(whole[len(tokenizer.decode(prompt)) :])
    return texts
