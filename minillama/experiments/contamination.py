"""Section A.6: questions that stood in the training text are answered better, and a search for runs finds them.

Two models of one shape read the same fresh documents of the Valley. Among those of the first stand half of a reading
benchmark with its answers, a few copies of each. Both take the whole benchmark. A reading question brings its own
invented text, so that nothing else in the corpus says its answer. The clean half is the control: there the leak must
not help. The search marks questions without knowing which half they are from.

That copies help on what was copied is put in by construction. What can fail is that the gain stays there, and that the
search of A.6 tells the halves apart.

How many copies there are and the share from which a question counts as found were chosen after looking at a small run
of seed 0, so the verdict rests on the other seeds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from minillama.evaluation.benchmarks import continuation_logprobs, right_choices
from minillama.evaluation.contamination import contamination
from minillama.experiments._small_text import TRIAL_SEED, Passes, train_in_passes, untouched
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import ModelArgs, Transformer
from minillama.tokenizer import Tokenizer
from minillama.valley.benchmarks import Question, make_benchmark
from minillama.valley.corpus import CorpusSettings, make_corpus
from minillama.valley.world import World

LEAKED, CLEAN = "leaked half", "clean half"
LEAST_GAIN = 0.3
MOST_IN_CONTROL = 0.15
FLAGGED = 0.95  # share of contaminated tokens from which a question counts as found: lower ones accuse mere templates
LEAST_FOUND, MOST_ACCUSED = 0.9, 0.05
SHAPE = ModelArgs(dim=64, n_layers=2, n_heads=4, n_kv_heads=2, vocab_size=1024, multiple_of=32, max_seq_len=128)


@dataclass(frozen=True, kw_only=True)
class Size(Passes):
    """How much is read. Each leaked question stands ``copies`` times in the text, which is read ``passes`` times."""

    characters: int
    questions: int
    copies: int = 20
    passes: int = 4
    peak_lr: float = 6e-3


FULL = Size(characters=120_000, questions=120)
QUICK = Size(characters=100_000, questions=80)


def run(seed: int, quick: bool) -> list[Row]:
    """Train both models of one seed and measure both halves."""
    size = QUICK if quick else FULL
    world = World.create()
    texts = fresh_texts(world, seed, size)
    tokenizer = Tokenizer.train(texts, SHAPE.vocab_size)
    questions = make_benchmark("reading", world, seed=seed, count=size.questions)
    halves = {LEAKED: questions[::2], CLEAN: questions[1::2]}
    leaking = with_leaks(texts, halves[LEAKED], size.copies, seed)
    models = {
        "with leaks": train_model(tokenizer, leaking, size, seed),
        "without": train_model(tokenizer, texts, size, seed),
    }
    rows = []
    for half, asked in halves.items():
        right = {
            name: sum(right_choices(asked, partial(continuation_logprobs, model, tokenizer))) / len(asked)
            for name, model in models.items()
        }
        numbers = {
            "right with leaks": right["with leaks"],
            "right without": right["without"],
            "flagged": share_flagged(tokenizer, asked, leaking),
            "flagged without": share_flagged(tokenizer, asked, texts),
        }
        rows.append(Row(arm=half, seed=seed, numbers=numbers, control=half == CLEAN))
    return rows


def fresh_texts(world: World, seed: int, size: Size) -> list[str]:
    """Documents without planted copies and junk."""
    settings = CorpusSettings(characters=size.characters, exact_duplicates=0.0, near_duplicates=0.0)
    return [d.text for d in make_corpus(world, seed, settings=settings) if d.source != "junk"]


def written(question: Question) -> str:
    """A question with its answer, as it would stand on a page that gives the test away."""
    return question.prompt + question.answer


def with_leaks(texts: Sequence[str], questions: Sequence[Question], copies: int, seed: int) -> list[str]:
    """The documents with ``copies`` of each question among them, at random places."""
    mixed = [*texts, *(written(question) for question in questions for _ in range(copies))]
    random.Random(seed).shuffle(mixed)
    return mixed


def train_model(tokenizer: Tokenizer, texts: Sequence[str], size: Size, seed: int) -> Transformer:
    """Train a fresh model on the documents, each pass in an order of its own."""
    torch.manual_seed(seed)
    model = Transformer(replace(SHAPE, vocab_size=tokenizer.vocab_size))
    train_in_passes(model, tokenizer, texts, size, seed, "contamination")
    return model


def share_flagged(tokenizer: Tokenizer, questions: Sequence[Question], texts: Sequence[str]) -> float:
    """Share of questions of whose tokens at least ``FLAGGED`` lie in matching runs."""
    samples = [tokenizer.encode(written(question)) for question in questions]
    shares = contamination(samples, [tokenizer.encode(text) for text in texts])
    return sum(share >= FLAGGED for share in shares) / len(shares)


def judge(rows: Sequence[Row]) -> Verdict:
    """The gain must be on the leaked half alone, and the search must tell the halves apart, in every unseen seed."""
    rows = untouched(rows)
    leaked, clean = [r.numbers for r in rows if r.arm == LEAKED], [r.numbers for r in rows if r.arm == CLEAN]
    if not leaked or not clean:
        raise ValueError(f"the rows lack an arm; they must hold {LEAKED!r} and {CLEAN!r}")
    gain = min(n["right with leaks"] - n["right without"] for n in leaked)
    control = max(abs(n["right with leaks"] - n["right without"]) for n in clean)
    found = min(n["flagged"] for n in leaked)
    accused = max(max(n["flagged"] for n in clean), max(n["flagged without"] for n in (*leaked, *clean)))
    seen = (
        f"leaks gain at least {gain:.2f} on the leaked half and change the clean one by at most {control:.2f}; the "
        f"search finds {found:.0%} of the leaked questions or more and accuses {accused:.0%} of the clean at most"
    )
    if control > MOST_IN_CONTROL:
        return Verdict("cannot be seen at this scale", f"the control moves, too: {seen}")
    if gain < LEAST_GAIN or found < LEAST_FOUND or accused > MOST_ACCUSED:
        return Verdict("not reproduced", seen)
    return Verdict("reproduced", seen)


CLAIM = Claim(
    name="contamination",
    paper="section A.6",
    chapter=10,
    statement="Questions that stood in the training text are answered better than clean ones, and runs reveal them.",
    paper_numbers={"least run": "more than 10 tokens", "skip-gram budget": 4},
    counts_as_reproduced=(
        f"in every seed but {TRIAL_SEED} the leak gains {LEAST_GAIN} on the leaked half, and the search flags "
        f"at least {LEAST_FOUND} of it and at most {MOST_ACCUSED} of what was not leaked"
    ),
    control=f"the clean half of the same benchmark changes by at most {MOST_IN_CONTROL}",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        "minillama.evaluation.benchmarks",
        "minillama.evaluation.contamination",
        "minillama.experiments._small_text",
        "minillama.model.transformer",
        "minillama.model.attention",
        "minillama.training.update",
        "minillama.tokenizer",
        "minillama.valley.benchmarks",
        "minillama.valley.corpus",
    ),
)
