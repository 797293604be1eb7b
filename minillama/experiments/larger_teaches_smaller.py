"""Section 3.2.3: only the largest model is sampled; smaller ones learn from its best answers and not from their own.

The smaller model is the SFT model without its last layer but one, healed by a short fine-tuning on demonstrations; it
did not grow up small. It is fine-tuned on the best of four answers to the same prompts, picked by the same reward:
answers of its own, or of the whole SFT model. Beside it stands the distillation of Hinton et al. (2015), which learns
the larger model's whole distribution on those answers (temperature 2), where the paper's way is distillation by
samples. In the control the answers are its own once more, with other random numbers.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from minillama.alignment.logit_distillation import DistillationSettings, train_distilled
from minillama.alignment.rejection_sampling import sample_round
from minillama.alignment.rejection_settings import RejectionSamplingSettings
from minillama.alignment.sft import SFTSettings, train_sft
from minillama.alignment.winners import winner_examples
from minillama.chat import DialogTokens, encode_dialog
from minillama.experiments._chat_samples import (
    MODULES,
    Scorers,
    answer_values,
    difference,
    encode,
    heldout,
    interval,
    mean_of,
    training_side,
)
from minillama.experiments.claim import Claim, Row, Verdict
from minillama.model import Transformer
from minillama.pipeline import load
from minillama.pipeline.artifact import Artifact
from minillama.pipeline.demonstrations import training_dialogs
from minillama.valley.tasks.base import Prompt

LARGER, SMALLER = "larger model", "smaller model"
FROM_LARGER, FROM_ITSELF, AGAIN = "the larger model's winners", "its own winners", "its own winners again"
DISTILLED = "the larger model's distributions"
SIZES = {True: (900, 120, 100), False: (2500, 500, 400)}  # demonstrations, prompts, held-out prompts
K = 4


def run(seed: int, quick: bool) -> list[Row]:
    """Cut, heal, sample both models, and train the smaller in four ways."""
    n_healing, n_prompts, n_heldout = SIZES[quick]
    large, scorers = load("sft", seed=seed), Scorers.at("sft", seed)
    small = cut_down(large.model)
    train_sft(small, demonstrated(large, n_healing), SFTSettings(epochs=1, seed=seed), description="healing")
    prompts, asked = training_side(n_prompts, seed), heldout(n_heldout)

    def winners(model: Transformer, of_samples: int) -> list[DialogTokens]:
        return best_answers(model, large, prompts, scorers, of_samples)

    taught, own, again = winners(large.model, seed), winners(small, seed), winners(small, seed + 1000)
    recipe = SFTSettings(epochs=2, peak_lr=1e-3, seed=seed)
    models = {LARGER: large.model, SMALLER: small}
    for arm, examples in ((FROM_LARGER, taught), (FROM_ITSELF, own), (AGAIN, again)):
        models[arm] = deepcopy(small)
        train_sft(models[arm], examples, recipe, description=arm)
    models[DISTILLED] = deepcopy(small)
    train_distilled(models[DISTILLED], large.model, taught, DistillationSettings(sft=recipe))
    rows = []
    for arm, model in models.items():
        values, _ = answer_values(model.eval(), large.tokenizer, asked, seed=seed)
        numbers = {"helpfulness": sum(values) / len(values), "parameters": model.n_parameters}
        rows.append(Row(arm=arm, seed=seed, numbers=numbers, control=arm == AGAIN, curve={"helpfulness": values}))
    return rows


def cut_down(model: Transformer) -> Transformer:
    """A copy without the last layer but one; models that lost an earlier layer were harder to heal."""
    kept = [layer for layer in range(model.args.n_layers) if layer != model.args.n_layers - 2]
    small = Transformer(replace(model.args, n_layers=len(kept)))
    state = {name: value for name, value in model.state_dict().items() if not name.startswith("layers.")}
    for place, layer in enumerate(kept):
        start = f"layers.{layer}."
        state |= {
            f"layers.{place}.{name.removeprefix(start)}": value
            for name, value in model.state_dict().items()
            if name.startswith(start)
        }
    small.load_state_dict(state)
    return small.to(model.device).eval()


def demonstrated(large: Artifact, n: int) -> list[DialogTokens]:
    """Demonstrations of the kind that the SFT model learnt from."""
    examples = [encode_dialog(dialog, large.tokenizer) for dialog in training_dialogs(n)]
    return [example for example in examples if len(example) <= SFTSettings().seq_len]


def best_answers(
    model: Transformer, large: Artifact, prompts: Sequence[Prompt], scorers: Scorers, seed: int
) -> list[DialogTokens]:
    """Examples of the best of ``K`` answers, picked as in the pipeline's rounds."""
    settings = RejectionSamplingSettings(samples=K, temperatures=(0.8,), seed=seed)
    found = sample_round(model, encode(prompts, large.tokenizer), scorers.reward, settings)
    return winner_examples(found.winners)


def judge(rows: Sequence[Row]) -> Verdict:
    """The larger model's winners must teach more than the smaller one's own."""
    gain, again = (difference(rows, arm, FROM_ITSELF, "helpfulness") for arm in (FROM_LARGER, AGAIN))
    distilled = difference(rows, DISTILLED, FROM_LARGER, "helpfulness")
    told = "; ".join(
        f"{arm} {mean_of(rows, arm, 'helpfulness'):.3f}"
        for arm in (LARGER, SMALLER, FROM_ITSELF, FROM_LARGER, DISTILLED)
    )
    seen = (
        f"the judge's helpfulness: {told}; the larger model's winners against its own {interval(gain)}; its own "
        f"sampled again {interval(again)}; distributions against winners {interval(distilled)}"
    )
    if again.low > 0:
        return Verdict("cannot be seen at this scale", f"sampling again differs, too: {seen}")
    return Verdict("reproduced" if gain.low > 0 and gain.mean > again.mean else "not reproduced", seen)


CLAIM = Claim(
    name="larger-samples-smaller-learns",
    paper="section 3.2.3",
    chapter=15,
    statement="A smaller model learns more from a larger model's best answers than from its own.",
    paper_numbers={"models that are sampled": "70B only"},
    counts_as_reproduced=(
        "by the judge, on held-out prompts, the smaller model is more helpful after training on the larger one's "
        "winners than on its own (95 % interval above 0, same prompts, seeds pooled)"
    ),
    control="its own winners, sampled again: not more helpful",
    seeds=3,
    minutes=1,
    run=run,
    judge=judge,
    modules=(
        *MODULES,
        "minillama.alignment.rejection_sampling",
        "minillama.alignment.logit_distillation",
        "minillama.alignment.sft",
        "minillama.pipeline.demonstrations",
    ),
)
