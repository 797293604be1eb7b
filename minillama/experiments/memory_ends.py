"""Figure 24: with the batch doubled until memory ends, multi-head attention ends first and with least throughput.

A fixed number of bytes holds the weights and the KV cache. The batch starts at one row and is doubled; whether it still
fits is decided by the bytes of the tensors that the package would reserve, not by a formula. At every batch that fits,
one step of generation is timed with a full context. That a smaller cache leaves room for more rows is arithmetic. What
the clock decides is whether more rows bring more tokens a second, and whether sharing heads is as fast at equal batch.

The limit is ours, and far below what the machine has: it counts weights and cache, and neither the copies that make
single steps fast nor anything else the program holds. In the control the keys and values of the grouped model are
stored once for every query head, which is the same function with the cache of multi-head attention.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from minillama.experiments.claim import Claim, Row, Verdict
from minillama.experiments.shared_heads import with_shared_heads
from minillama.model import KVCache, ModelArgs, Transformer
from minillama.model.decode_step import DecodeStep

MHA, GQA, MQA, REPEATED = "MHA", "GQA", "MQA", "GQA, heads stored repeatedly"
N_KV_HEADS = {MHA: 8, GQA: 2, MQA: 1}
SHAPE = ModelArgs(dim=128, n_layers=4, n_heads=8, vocab_size=1024, multiple_of=1, max_seq_len=512)
LEAST_GAIN = 1.2  # throughput at the end of memory, in units of MHA's


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The limit and how often a step is timed.

    Attributes:
        limit: bytes for weights and cache; at 14 MiB the weights of `SHAPE` leave room for 4 rows of MHA.
        context: tokens that every row of the cache holds when a step is timed.
        rounds: the arms take turns so many times, and the fastest step of each counts.
        steps: steps a round.
    """

    limit: int = 14 * 2**20
    context: int = 512
    rounds: int = 12
    steps: int = 5


def build(arm: str, seed: int) -> Transformer:
    """A fresh model of an arm; all have the same number of parameters, but for the control's repeated heads."""
    torch.manual_seed(seed)
    if arm == REPEATED:
        return repeat_heads(build(GQA, seed))
    return Transformer(with_shared_heads(SHAPE, N_KV_HEADS[arm])).eval()


def repeat_heads(model: Transformer) -> Transformer:
    """The same function with a key and a value head for every query head."""
    args = model.args
    repeated = Transformer(replace(args, n_kv_heads=args.n_heads)).eval()
    state = dict(model.state_dict())
    for name, weight in state.items():
        if name.endswith(("wk.weight", "wv.weight")):
            heads = weight.unflatten(0, (args.kv_heads, args.head_dim))
            state[name] = heads.repeat_interleave(args.n_heads // args.kv_heads, dim=0).flatten(0, 1)
    repeated.load_state_dict(state)
    return repeated


def bytes_needed(model: Transformer, batch: int, context: int) -> int:
    """Bytes of the weights and of the cache for a batch, read off the tensors without reserving them."""
    weights = sum(parameter.nbytes for parameter in model.parameters())
    cache = KVCache(model.args, batch, context, device=torch.device("meta"), dtype=torch.float32)
    return weights + cache.keys.nbytes + cache.values.nbytes


def batches_that_fit(model: Transformer, settings: Settings) -> list[int]:
    """1, 2, 4, ... as long as weights and cache stay below the limit.

    Raises:
        ValueError: not even one row fits.
    """
    batches: list[int] = []
    batch = 1
    while bytes_needed(model, batch, settings.context) <= settings.limit:
        batches.append(batch)
        batch *= 2
    if not batches:
        needed = bytes_needed(model, 1, settings.context)
        raise ValueError(f"one row needs {needed} bytes and the limit is {settings.limit}; raise it")
    return batches


class TimedStep:
    """One generated token for every row of a batch whose cache is full but for one slot."""

    def __init__(self, model: Transformer, batch: int, context: int) -> None:
        self.step = DecodeStep(model)
        self.cache = model.new_cache(batch, context)
        self.cache.keys.normal_()
        self.cache.values.normal_()
        self.tokens = torch.zeros(batch, dtype=torch.long)

    @torch.no_grad()
    def seconds(self) -> float:
        """Time one step."""
        self.cache.length = self.cache.slots - 1
        began = time.perf_counter()
        self.step(self.tokens, self.cache)
        return time.perf_counter() - began


def time_steps(models: Mapping[str, Transformer], settings: Settings) -> dict[str, dict[int, float]]:
    """Fastest seconds of a step, by arm and batch; the arms take turns, so that a busy machine slows all alike."""
    fits = {arm: batches_that_fit(model, settings) for arm, model in models.items()}
    best: dict[str, dict[int, float]] = {arm: {} for arm in models}
    for batch in sorted({batch for batches in fits.values() for batch in batches}):
        timed = {arm: TimedStep(model, batch, settings.context) for arm, model in models.items() if batch in fits[arm]}
        for _ in range(settings.rounds):
            for arm, step in timed.items():
                fastest = min(step.seconds() for _ in range(settings.steps))
                best[arm][batch] = min(fastest, best[arm].get(batch, fastest))
    return best


def run(seed: int, quick: bool) -> list[Row]:
    """Time all arms; quick takes fewer rounds."""
    settings = Settings(rounds=4) if quick else Settings()
    models = {arm: build(arm, seed) for arm in (MHA, GQA, MQA, REPEATED)}
    seconds = time_steps(models, settings)
    return [summarise(arm, seed, model, seconds, settings) for arm, model in models.items()]


def summarise(
    arm: str, seed: int, model: Transformer, seconds: Mapping[str, Mapping[int, float]], settings: Settings
) -> Row:
    """One arm's row: where its memory ends, what it gives there, and what it gives where MHA ends."""
    batches = sorted(seconds[arm])
    common = max(set(batches) & set(seconds[MHA]))
    per_second = {batch: batch / seconds[arm][batch] for batch in batches}
    return Row(
        arm=arm,
        seed=seed,
        control=arm == REPEATED,
        numbers={
            "largest batch": batches[-1],
            "tokens/s at the largest batch": per_second[batches[-1]],
            "tokens/s where MHA ends": per_second[common],
            "milliseconds at batch 1": 1000 * seconds[arm][1],
            "milliseconds at the largest batch": 1000 * seconds[arm][batches[-1]],
            "parameters": model.n_parameters,
        },
        curve={
            "batch": batches,
            "tokens/s": [per_second[batch] for batch in batches],
            "milliseconds": [1000 * seconds[arm][batch] for batch in batches],
            "MiB": [bytes_needed(model, batch, settings.context) / 2**20 for batch in batches],
        },
    )


def judge(rows: Sequence[Row]) -> Verdict:
    """MHA must end first and with less throughput in every seed; the control must end where MHA ends."""
    by_arm: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_arm.setdefault(row.arm, {})[row.seed] = row
    if missing := [arm for arm in (MHA, GQA, MQA, REPEATED) if arm not in by_arm]:
        raise ValueError(f"the rows lack the arms {', '.join(missing)}")
    gains = {arm: _ratios(by_arm, arm, "tokens/s at the largest batch") for arm in (GQA, MQA, REPEATED)}
    ends = {arm: _ratios(by_arm, arm, "largest batch") for arm in (GQA, MQA, REPEATED)}
    least = min(gains[GQA] + gains[MQA])
    seen = (
        f"memory ends at {min(ends[GQA]):g} (GQA) and {min(ends[MQA]):g} (MQA) times the batch of MHA, with at least "
        f"{min(gains[GQA]):.2f} and {min(gains[MQA]):.2f} times its tokens/s; with heads stored repeatedly at "
        f"{max(ends[REPEATED]):g} times the batch, with at most {max(gains[REPEATED]):.2f} times"
    )
    if min(ends[GQA] + ends[MQA]) <= 1 or least < LEAST_GAIN:
        return Verdict("not reproduced", seen)
    if max(ends[REPEATED]) > 1 or max(gains[REPEATED]) - 1 > (least - 1) / 2:
        return Verdict("cannot be seen at this scale", f"the control gains, too: {seen}")
    return Verdict("reproduced", seen)


def _ratios(by_arm: Mapping[str, Mapping[int, Row]], arm: str, name: str) -> list[float]:
    """A number of an arm in units of MHA's of the same seed."""
    return [row.numbers[name] / by_arm[MHA][seed].numbers[name] for seed, row in by_arm[arm].items()]


CLAIM = Claim(
    name="figure-24",
    paper="Figure 24",
    chapter=6,
    statement="With the batch doubled until memory ends, multi-head attention ends first, with the least throughput.",
    paper_numbers={
        "KV projections of GQA": 8,
        "runs out of memory first": "MHA",
        "MHA fails at batch": "1,024 (context 256), 128 (context 2k)",
    },
    counts_as_reproduced=(
        "in every seed weights and cache of MHA outgrow the limit at a smaller batch than those of GQA and MQA, and at "
        f"their largest batches GQA and MQA generate at least {LEAST_GAIN} times as many tokens a second"
    ),
    control=(
        "the GQA model with its keys and values stored once for every query head: it must end at the batch of MHA, and "
        "its throughput may gain at most half of what sharing gains"
    ),
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        "minillama.experiments.shared_heads",
        "minillama.model.decode_step",
        "minillama.model.kv_cache",
        "minillama.model.config",
    ),
)
