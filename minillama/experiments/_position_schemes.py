"""Four ways to tell a model where its tokens stand, in one small model, and two tasks on rows of random numbers.

The models of the package know rotary positions only. Here the ways are the arms of experiments (see
`order_needs_positions`, `ways_to_give_positions` and `beyond_trained_length`), so this small model has a switch for
them; all else, from the draw of the weights to the batches, is the same in every arm. Both tasks ask for one answer
at every place of the same rows. One needs order, the other is the same for every order and is the control.

The limits of the verdicts were chosen after looking at runs drawn from seeds 0, 1 and 2. So the claims draw from
``FRESH`` on, and no run that they judge had been looked at before.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from tqdm.auto import tqdm

from minillama.model.config import ModelArgs
from minillama.model.feed_forward import FeedForward
from minillama.model.rms_norm import RMSNorm
from minillama.model.rotary import RotaryTable, rotate
from minillama.training.progress import is_watched

Scheme = Literal["none", "learned", "sinusoidal", "rotary"]
Task = Literal["back", "largest"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
IGNORE = -100
FRESH = 10  # added to a claim's seeds: the first ones were looked at when its limits were chosen


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Size of a model and of its training: rows of ``length`` numbers below ``numbers``.

    Raises:
        ValueError: ``back`` leaves no place in a row that has an answer.
    """

    steps: int = 400
    length: int = 32
    longest: int = 128
    numbers: int = 32
    back: int = 3
    n_layers: int = 2
    dim: int = 64
    n_heads: int = 4
    batch: int = 32
    peak_lr: float = 3e-3
    theta: float = 10000.0

    def __post_init__(self) -> None:
        if not 0 < self.back < self.length:
            raise ValueError(f"back is {self.back}; it has to lie between 1 and the length less one, {self.length - 1}")


def sinusoidal_table(length: int, dim: int) -> Float[Tensor, "length dim"]:
    """The position vectors of Vaswani et al. 2017, section 3.5: sines in the even places, cosines in the odd ones."""
    angles = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, dim, 2) / dim)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


class Block(nn.Module):
    """Causal attention and a feed-forward layer, as in Llama; ``turn`` is None where nothing is rotated."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.n_heads = args.n_heads
        self.attention_norm, self.ffn_norm = RMSNorm(args.dim), RMSNorm(args.dim)
        self.wqkv = nn.Linear(args.dim, 3 * args.dim, bias=False)
        self.wo = nn.Linear(args.dim, args.dim, bias=False)
        self.feed_forward = FeedForward(args)

    def forward(self, x: Float[Tensor, "batch seq dim"], turn: Tensor | None) -> Float[Tensor, "batch seq dim"]:
        q, k, v = self.wqkv(self.attention_norm(x)).unflatten(-1, (3, self.n_heads, -1)).unbind(2)
        if turn is not None:
            q, k = rotate(q, turn), rotate(k, turn)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        heads = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.wo(heads.transpose(1, 2).flatten(-2))
        return x + self.feed_forward(self.ffn_norm(x))


class PositionModel(nn.Module):
    """A small Llama with a choice of how positions come in."""

    def __init__(self, scheme: Scheme, settings: Settings) -> None:
        super().__init__()
        args = ModelArgs(
            dim=settings.dim,
            n_layers=settings.n_layers,
            n_heads=settings.n_heads,
            vocab_size=settings.numbers,
            multiple_of=32,
            max_seq_len=settings.longest,
        )
        self.scheme = scheme
        self.tok_embeddings = nn.Embedding(settings.numbers, settings.dim)
        self.blocks = nn.ModuleList(Block(args) for _ in range(settings.n_layers))
        self.norm = RMSNorm(settings.dim)
        self.output = nn.Linear(settings.dim, settings.numbers, bias=False)
        self._initialise(settings.n_layers)
        # Drawn last, so that every scheme has the same weights above. Rows of the learned table beyond the trained
        # length stay as they are drawn: nothing ever trains them. Both tables have the size of sines, 0.7 a number.
        self.positions = nn.Parameter(torch.randn(settings.longest, settings.dim) / math.sqrt(2))
        if scheme == "sinusoidal":
            self.positions.data = sinusoidal_table(settings.longest, settings.dim)
        self.positions.requires_grad_(scheme == "learned")
        self.rotary = RotaryTable(args.head_dim, settings.longest, settings.theta)

    def _initialise(self, n_layers: int) -> None:
        """As `minillama.model.Transformer` does it."""
        nn.init.normal_(self.tok_embeddings.weight)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                std = 1 / math.sqrt(3 * module.in_features)
                to_stream = name.endswith(("wo", "w2"))
                nn.init.normal_(module.weight, std=std / math.sqrt(2 * n_layers) if to_stream else std)

    def forward(self, tokens: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq numbers"]:
        """Scores of each answer at each place."""
        x = self.tok_embeddings(tokens)
        seq = tokens.shape[1]
        if self.scheme in ("learned", "sinusoidal"):
            x = x + self.positions[:seq]
        turn = self.rotary.at(torch.arange(seq)[None]) if self.scheme == "rotary" else None
        for block in self.blocks:
            x = block(x, turn)
        return self.output(self.norm(x))


def draw_rows(count: int, length: int, settings: Settings) -> Int[Tensor, "count length"]:
    """Rows of random numbers from torch's generator."""
    return torch.randint(settings.numbers, (count, length))


def answers(tokens: Int[Tensor, "batch seq"], task: Task, settings: Settings) -> Int[Tensor, "batch seq"]:
    """What is asked at each place: the number ``back`` places before it, or the largest number up to it.

    The first ``back`` places have no answer (``IGNORE``) in either task.
    """
    wanted = tokens.roll(settings.back, dims=1) if task == "back" else tokens.cummax(dim=1).values
    wanted[:, : settings.back] = IGNORE
    return wanted


def train_model(scheme: Scheme, task: Task, seed: int, settings: Settings) -> tuple[PositionModel, list[float]]:
    """A model trained on new rows at every step, and its losses in nats."""
    torch.manual_seed(seed)
    model = PositionModel(scheme, settings)
    torch.manual_seed(seed + 1_000)  # the same rows in every arm
    rows = (draw_rows(settings.batch, settings.length, settings) for _ in range(settings.steps))
    batches = ((tokens, answers(tokens, task, settings)) for tokens in rows)
    return model, fit(model, batches, settings, f"{scheme}, {task}")


def fit(model: PositionModel, batches: Iterable[tuple[Tensor, Tensor]], settings: Settings, name: str) -> list[float]:
    """Train on batches of tokens and wanted answers, as many as ``settings.steps``; the losses in nats."""
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad],
        lr=settings.peak_lr,
        betas=(0.9, 0.95),
        weight_decay=0.0,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 30, max(0.05, 1 - step / settings.steps))
    )
    losses = []
    for tokens, wanted in tqdm(batches, desc=name, total=settings.steps, leave=False, disable=not is_watched()):
        loss = cross_entropy(model(tokens).flatten(0, 1), wanted.flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def share_right(model: nn.Module, task: Task, length: int, settings: Settings) -> list[float]:
    """Share of right answers at each place that has one, over 64 new rows of a length."""
    torch.manual_seed(7)
    tokens = draw_rows(64, length, settings)
    wanted = answers(tokens, task, settings)[:, settings.back :]
    right = model(tokens)[:, settings.back :].argmax(dim=-1) == wanted
    return right.float().mean(dim=0).tolist()


def best_bet(length: int, settings: Settings) -> list[float]:
    """Share of right answers in the task "back", at each place that has one, of the best that can be done with the
    numbers before a place but not their order: any of them may be the one asked for, so bet on the most frequent.
    """
    torch.manual_seed(7)  # the rows of `share_right`
    tokens = draw_rows(64, length, settings)
    counts = one_hot(tokens, settings.numbers).cumsum(dim=1)  # (rows, length, numbers)
    places = range(settings.back, length)
    return [counts[:, place - 1].amax(dim=-1).float().mean().item() / place for place in places]
