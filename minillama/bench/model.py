"""Tokens a second of training and of generation, beside transformers' Llama of the same shape in the same run.

Both sides get every setting that could suit them (number format, compilation, kind of cache) and are compared at their
best. Rounds alternate between the contestants, so that another program on the machine disturbs all of them alike.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minillama.convert import hf_config, meta_to_hf
from minillama.generation import generate
from minillama.model import ModelArgs, Transformer
from minillama.training.precision import Precision

# The shape that the published ratios are of: a million parameters, whatever vocabulary the pipeline settles on.
SHAPE = ModelArgs.preset("valley-m", vocab_size=1024)
Contestant = Callable[[], object]


def measure_training(
    *,
    args: ModelArgs = SHAPE,
    seq_lens: Sequence[int] = (128, 256, 512),
    tokens_per_step: int = 8192,
    rounds: int = 3,
    steps: int = 2,
    compiled: bool = True,
    threads: int | None = None,
) -> dict[str, Any]:
    """Time whole training steps (forward, backward, fused AdamW) of both models on random tokens.

    Args:
        args: shape of both models.
        seq_lens: lengths of the rows, one table each.
        tokens_per_step: rows times length.
        rounds: times that every contestant is run; the fastest counts.
        steps: steps a round.
        compiled: also with `torch.compile`, whose seconds of compiling are reported and not counted.
        threads: torch threads; None keeps what is set.

    Returns:
        `{"unit", "machine", "rows": [{"seq_len", "ours", "theirs", "ratio", "variants", "compile_seconds"}]}`, where
        `variants` has tokens/s by "minillama, bfloat16, compiled" and the like, and `ours` and `theirs` are the best.
    """
    with _threads(threads):
        precision = Precision.detect()
        rows = []
        for seq_len in seq_lens:
            batch = max(1, tokens_per_step // seq_len)
            contestants = _training_contestants(args, batch, seq_len, precision, compiled)
            first = {name: _seconds(run) for name, run in contestants.items()}
            best = _best_of(contestants, rounds, steps)
            speeds = {name: round(batch * seq_len * steps / seconds) for name, seconds in best.items()}
            waits = {name: round(first[name], 1) for name in first if name.endswith("compiled")}
            rows.append({"seq_len": seq_len, **_compare(speeds), "compile_seconds": waits})
            _forget_compiled()
        return {"unit": "training tokens/s", "machine": _machine(precision), "rows": rows}


def measure_generation(
    *,
    args: ModelArgs = SHAPE,
    batch_sizes: Sequence[int] = (1, 64, 256),
    prompt_tokens: int = 32,
    new_tokens: int = 96,
    rounds: int = 3,
    threads: int | None = None,
) -> dict[str, Any]:
    """Time sampling at temperature 1 with both models, from prompts of random tokens, none of which stops early.

    Args:
        args: shape of both models.
        batch_sizes: numbers of prompts, one table each.
        prompt_tokens: length of every prompt.
        new_tokens: tokens sampled for every prompt.
        rounds: times that every contestant is run; the fastest counts.
        threads: torch threads; None keeps what is set.

    Returns:
        `{"unit", "machine", "rows": [{"batch", "ours", "theirs", "ratio", "variants"}]}` as in `measure_training`.
    """
    with _threads(threads):
        precision = Precision.detect()
        rows = []
        for batch in batch_sizes:
            contestants = _on_one_thread_too(_generation_contestants(args, batch, prompt_tokens, new_tokens, precision))
            for run in contestants.values():
                run()
            best = _best_of(contestants, rounds, 1)
            speeds = {name: round(batch * new_tokens / seconds) for name, seconds in best.items()}
            rows.append({"batch": batch, **_compare(speeds)})
        return {"unit": "generated tokens/s", "machine": _machine(precision), "rows": rows}


def _training_contestants(
    args: ModelArgs, batch: int, seq_len: int, precision: Precision, compiled: bool
) -> dict[str, Contestant]:
    tokens = _random_tokens(args, batch, seq_len, precision.device)
    targets = tokens.roll(-1, dims=1)
    contestants: dict[str, Contestant] = {}
    for owner, build in (("minillama", _our_loss), ("transformers", _their_loss)):
        for dtype in {torch.float32: 0, precision.dtype: 0}:
            for compile_it in (False, True) if compiled and precision.compile else (False,):
                model, loss = build(args, precision.device)
                name = f"{owner}, {str(dtype).removeprefix('torch.')}{', compiled' if compile_it else ''}"
                loss = torch.compile(loss, dynamic=False) if compile_it else loss
                contestants[name] = _training_step(model, loss, tokens, targets, dtype)
    return contestants


def _training_step(
    model: nn.Module, loss: Callable[..., Tensor], tokens: Tensor, targets: Tensor, dtype: torch.dtype
) -> Contestant:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with torch.autocast(tokens.device.type, dtype=dtype, enabled=dtype != torch.float32):
            value = loss(tokens, targets)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def _our_loss(args: ModelArgs, device: torch.device) -> tuple[nn.Module, Callable[..., Tensor]]:
    model = Transformer(args).to(device)

    def loss(tokens: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())

    return model, loss


def _their_loss(args: ModelArgs, device: torch.device) -> tuple[nn.Module, Callable[..., Tensor]]:
    model = _their_model(args, device)

    def loss(tokens: Tensor, targets: Tensor) -> Tensor:
        logits = model(input_ids=tokens, use_cache=False).logits
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    return model, loss


def _generation_contestants(
    args: ModelArgs, batch: int, prompt_tokens: int, new_tokens: int, precision: Precision
) -> dict[str, Contestant]:
    prompts = _random_tokens(args, batch, prompt_tokens, precision.device)
    ours = Transformer(args).to(precision.device)
    contestants: dict[str, Contestant] = {
        "minillama, float32": lambda: generate(ours, prompts.tolist(), new_tokens, stop_ids=(), seed=0)
    }
    for dtype in {torch.float32: 0, precision.dtype: 0}:
        theirs = _their_model(args, precision.device).to(dtype).eval()
        for cache in ("dynamic", "static"):
            name = f"transformers, {str(dtype).removeprefix('torch.')}, {cache} cache"
            contestants[name] = _their_generation(theirs, prompts, new_tokens, cache)
    return contestants


def _on_one_thread_too(contestants: dict[str, Contestant]) -> dict[str, Contestant]:
    """All contestants as they are and on one thread: for a few rows, handing work to a second one costs more."""

    def alone(run: Contestant) -> Contestant:
        def one() -> None:
            with _threads(1):
                run()

        return one

    if torch.get_num_threads() == 1:
        return contestants
    return contestants | {f"{name}, one thread": alone(run) for name, run in contestants.items()}


def _their_generation(model: Any, prompts: Tensor, new_tokens: int, cache: str) -> Contestant:
    settings = {"do_sample": True, "top_k": 0, "min_new_tokens": new_tokens, "max_new_tokens": new_tokens}
    mask = torch.ones_like(prompts)

    def run() -> None:
        model.generate(prompts, attention_mask=mask, pad_token_id=0, cache_implementation=cache, **settings)

    return run


def _their_model(args: ModelArgs, device: torch.device) -> Any:
    """transformers' Llama with weights of ours."""
    try:
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError as error:
        raise ValueError("the comparison needs transformers: pip install transformers") from error
    settings: dict[str, Any] = {**hf_config(args), "attn_implementation": "sdpa"}
    model: Any = LlamaForCausalLM(LlamaConfig(**settings))
    model.load_state_dict(meta_to_hf(Transformer(args).state_dict(), args))
    return model.to(device)


def _random_tokens(args: ModelArgs, batch: int, seq: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(3, args.vocab_size, (batch, seq), generator=generator).to(device)


def _best_of(contestants: dict[str, Contestant], rounds: int, repeats: int) -> dict[str, float]:
    """Least seconds for `repeats` runs of each, over rounds in which they take turns."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, run in contestants.items():
            best[name] = min(best[name], _seconds(run, repeats))
    return best


def _seconds(run: Contestant, repeats: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _compare(speeds: dict[str, int]) -> dict[str, Any]:
    ours = max(speed for name, speed in speeds.items() if name.startswith("minillama"))
    theirs = max(speed for name, speed in speeds.items() if name.startswith("transformers"))
    return {"ours": ours, "theirs": theirs, "ratio": round(ours / theirs, 2), "variants": speeds}


def _machine(precision: Precision) -> str:
    return f"{precision}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _forget_compiled() -> None:
    torch.compiler.reset()
    gc.collect()


@contextlib.contextmanager
def _threads(number: int | None) -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
