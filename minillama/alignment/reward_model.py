"""The reward model: a chat model that gives an answer one number instead of a next token (section 3.2.2)."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors.torch import load_file, save
from torch import Tensor, nn

from minillama.data.atomic import write_atomically
from minillama.data.collate import FILL_ID
from minillama.model import ModelArgs, Transformer

MODEL_FILE = "model.safetensors"  # as the pipeline names a model's files
PARAMS_FILE = "params.json"
FIRST_SURPRISE = 0.5  # what a nat less likely counts before training
# (prompts, answers) in token ids -> raw scores, before any sigmoid; ``RewardModel.score`` is one.
Scorer = Callable[[Sequence[Sequence[int]], Sequence[Sequence[int]]], Float[Tensor, " batch"]]

Reads = Literal["last", "answer", "likelihood"]


class RewardModel(Transformer):
    """A transformer whose output layer gives a scalar, read at the last real token of a row.

    Architecture and parameter names are the chat model's; only ``output.weight`` differs, (1, dim) in place of
    (vocab, dim), without a bias: a ranking cannot see one. The causal last token is the only one that has read the
    whole answer. Scores are raw, on the scale of logits; a sigmoid makes them probabilities.

    That is the paper's. With ``reads="answer"`` the score is the sum of the scalars of all tokens of the answer, so
    that a slip need not be carried along to the last one.

    With ``reads="likelihood"`` the model keeps its chat model's output layer as ``next_token``, and to every scalar is
    added ``surprise``, a learnt weight, times how much less likely the token is than the likeliest one at its place
    (in nats; 0 for an answer decoded greedily, so that answers to different prompts stay comparable). A model of four
    layers needs most of them to know what ought to stand at a place. That something else stands there shows at the
    token itself, whose layers can no longer compare; a deep model has layers left to do so.
    """

    def __init__(self, args: ModelArgs, reads: Reads = "last") -> None:
        super().__init__(args)
        if reads not in get_args(Reads):
            raise ValueError(f"reads is {reads!r}; choose 'last' (token), 'answer' or 'likelihood'")
        self.reads: Reads = reads
        if reads == "likelihood":
            self.next_token = self.output
            self.surprise = nn.Parameter(torch.tensor(FIRST_SURPRISE))
        # Small enough that scores start near 0 and the loss near log 2; all zeros would hold back the first gradients.
        self.output = nn.Linear(args.dim, 1, bias=False)
        nn.init.normal_(self.output.weight, std=1 / (args.dim + 1))

    @classmethod
    def from_transformer(cls, model: Transformer, *, seed: int = 0, reads: Reads = "last") -> "RewardModel":
        """Start from a chat checkpoint: the same weights (copied), a fresh head drawn from ``seed``.

        Starting from the chat model lets the reward model know what the chat model knows, so that it does not favour
        what the chat model makes up (section 3.2.2). From a :class:`RewardModel`, the head is copied as well,
        and it is read as it was.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reward = cls(model.args, model.reads if isinstance(model, RewardModel) else reads)
        state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if not isinstance(model, RewardModel):
            state["next_token.weight"] = state.pop("output.weight")
        own = reward.state_dict()
        reward.load_state_dict({name: state.get(name, value) for name, value in own.items()})
        return reward.to(model.device)

    def forward(  # type: ignore[override]
        self,
        tokens: Int[Tensor, "batch seq"],
        lengths: Int[Tensor, " batch"],
        starts: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Raw scores of rows that are filled up on the right.

        Args:
            tokens: prompt and answer of each row, then any filling, which nothing real can see.
            lengths: number of real tokens of each row, from 1 to seq.
            starts: place of each answer's first token; only for a model that reads the answer.

        Raises:
            ValueError: a length is out of range, or the model reads the answer and is not told where it starts.
        """
        low, high = (int(bound) for bound in torch.aminmax(lengths))
        if low < 1 or high > tokens.shape[1]:
            raise ValueError(f"lengths run from {low} to {high}; rows of {tokens.shape[1]} tokens allow 1 to as many")
        if self.reads != "last":
            return self._sum_over_answers(tokens, lengths, starts)
        states = self.hidden(tokens)
        last = states[torch.arange(len(tokens), device=tokens.device), lengths - 1]
        # In float32 even under autocast: bfloat16 cannot tell 4.01 from 4.02, and a ranking lives on such differences.
        with torch.autocast(tokens.device.type, enabled=False):
            return F.linear(last.float(), self.output.weight.float())[:, 0]

    def _sum_over_answers(
        self, tokens: Int[Tensor, "batch seq"], lengths: Int[Tensor, " batch"], starts: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, " batch"]:
        if starts is None:
            raise ValueError("this reward model reads whole answers; give starts, the place of each one's first token")
        states = self.hidden(tokens)
        # An empty answer is read on the prompt's last token.
        rows, places = _places(torch.minimum(starts, lengths - 1), lengths, tokens.shape[1])
        with torch.autocast(tokens.device.type, enabled=False):
            each = F.linear(states[rows, places].float(), self.output.weight.float())[:, 0]
            total = torch.zeros(len(tokens), device=tokens.device).index_add(0, rows, each)
            if self.reads == "likelihood":
                rows, places = _places(starts.clamp(min=1), lengths, tokens.shape[1])
                logits = F.linear(states[rows, places - 1].float(), self.next_token.weight.float())
                behind = logits.gather(1, tokens[rows, places, None])[:, 0] - logits.amax(dim=1)
                total = total.index_add(0, rows, self.surprise.float() * behind)
        return total

    def score(
        self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], batch_size: int = 256
    ) -> Float[Tensor, " batch"]:
        """Raw scores of answers, in the given order, without gradients; a row's score does not depend on its batch.

        Args:
            prompts: token ids of each dialogue up to its last user message.
            answers: ids after it, with the end token where the answer is finished. An empty answer is scored too, on
                the prompt's last token.
            batch_size: rows at a time; rows of similar length share a batch.

        Returns:
            float32 on the CPU.

        Raises:
            ValueError: other numbers of answers than prompts, an empty or too long row, or a score that is no number.
        """
        if len(prompts) != len(answers):
            raise ValueError(f"{len(prompts)} prompts have {len(answers)} answers; every prompt needs one")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it has to be at least 1")
        rows = [[*prompt, *answer] for prompt, answer in zip(prompts, answers)]
        self._check_rows(rows)
        scores = torch.zeros(len(rows))
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                for start in range(0, len(order), batch_size):
                    chosen = order[start : start + batch_size]
                    tokens, lengths = pad_rows([rows[index] for index in chosen])
                    starts = torch.tensor([len(prompts[index]) for index in chosen], device=self.device)
                    scores[chosen] = self(tokens.to(self.device), lengths.to(self.device), starts).cpu()
        finally:
            self.train(was_training)
        return finite(scores)

    def save(self, folder: Path | str) -> None:
        """Write ``model.safetensors`` (Meta's names) and ``params.json`` to a folder, each whole or not at all."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().cpu().float().contiguous() for name, value in self.state_dict().items()}
        write_atomically(folder / MODEL_FILE, save(state))
        write_atomically(
            folder / PARAMS_FILE, json.dumps({**self.args.to_dict(), "reads": self.reads}, indent=1).encode()
        )

    @classmethod
    def load(cls, folder: Path | str) -> "RewardModel":
        """Read what :meth:`save` wrote, in evaluation mode, on the CPU.

        Raises:
            ValueError: the folder holds no reward model; a chat model's head is named with the way to turn it into one.
        """
        folder = Path(folder)
        try:
            params = json.loads((folder / PARAMS_FILE).read_text("utf-8"))
            reads = params.pop("reads", "last")
            model = cls(ModelArgs.from_dict(params), reads)
            state = load_file(folder / MODEL_FILE)
        except OSError as error:
            raise ValueError(f"{folder} holds no model ({error}); save a reward model there first") from error
        head = state.get("output.weight")
        if head is None or head.shape[0] != 1:
            raise ValueError(
                f"{folder} holds no reward model; make one of a chat model by RewardModel.from_transformer"
            )
        model.load_state_dict(state)
        return model.eval()

    def _check_rows(self, rows: Sequence[Sequence[int]]) -> None:
        for index, row in enumerate(rows):
            if not 1 <= len(row) <= self.args.max_seq_len:
                raise ValueError(
                    f"row {index} has {len(row)} tokens, prompt and answer together; "
                    f"the model reads 1 to {self.args.max_seq_len}"
                )


def _places(
    first: Int[Tensor, " batch"], end: Int[Tensor, " batch"], width: int
) -> tuple[Int[Tensor, " tokens"], Int[Tensor, " tokens"]]:
    """Row and place of all tokens from ``first`` up to before ``end``."""
    places = torch.arange(width, device=first.device)
    rows, found = ((places >= first[:, None]) & (places < end[:, None])).nonzero(as_tuple=True)
    return rows, found


def pad_rows(rows: Sequence[Sequence[int]]) -> tuple[Int[Tensor, "batch seq"], Int[Tensor, " batch"]]:
    """Rows filled up on the right to the longest one, and the number of real tokens of each."""
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.full((len(rows), int(lengths.max())), FILL_ID, dtype=torch.long)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = torch.tensor(row, dtype=torch.long)
    return tokens, lengths


def finite(scores: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """The scores themselves. Raises ValueError naming the first that is NaN or infinite."""
    wrong = (~torch.isfinite(scores)).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"{len(wrong)} of {len(scores)} scores are not finite, the first is row {wrong[0]} ({scores[wrong[0]]}); "
            "the reward model's weights may hold NaN: train it again with a lower peak_lr"
        )
    return scores
