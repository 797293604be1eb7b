"""The reward model: which token is read, what padding does, where its weights come from, and what it refuses."""

import pytest
import torch
from safetensors.torch import save_file

from minillama.alignment.reward_model import FIRST_SURPRISE, MODEL_FILE, RewardModel
from minillama.model import ModelArgs, Transformer

ARGS = ModelArgs(dim=32, n_layers=2, n_heads=2, vocab_size=40, multiple_of=8, max_seq_len=48, rope_theta=500.0)
PROMPTS = [[1, 5, 6], [1, 7, 8, 9, 10, 11], [1, 5], [1, 30, 31, 32]]
ANSWERS = [[12, 2], [13, 14, 2], [15, 16, 17, 18, 19, 2], []]


@pytest.fixture(scope="module")
def chat():
    torch.manual_seed(0)
    return Transformer(ARGS)


@pytest.fixture(scope="module")
def model(chat):
    return RewardModel.from_transformer(chat).eval()


def test_it_is_the_chat_model_with_a_head_of_one_number(chat, model):
    own, copied = model.state_dict(), chat.state_dict()
    assert own.keys() == copied.keys()
    assert all(torch.equal(own[name], copied[name]) for name in own if name != "output.weight")
    assert own["output.weight"].shape == (1, 32)
    assert model.output.bias is None
    own["norm.weight"].add_(1)  # a copy: training the one leaves the other
    assert not torch.equal(own["norm.weight"], chat.state_dict()["norm.weight"])
    own["norm.weight"].sub_(1)


def test_making_one_draws_nothing_from_the_global_generator(chat):
    torch.manual_seed(3)
    wanted = torch.rand(3)
    torch.manual_seed(3)
    first = RewardModel.from_transformer(chat)
    assert torch.equal(torch.rand(3), wanted)
    assert torch.equal(first.output.weight, RewardModel.from_transformer(chat, seed=0).output.weight)
    assert not torch.equal(first.output.weight, RewardModel.from_transformer(chat, seed=1).output.weight)


def test_from_a_reward_model_the_head_is_kept(model):
    assert torch.equal(RewardModel.from_transformer(model, seed=9).output.weight, model.output.weight)


def test_the_score_is_the_head_on_the_last_real_state(model):
    tokens = torch.tensor([[1, 5, 9, 2, 0, 0], [1, 6, 7, 8, 9, 2]])
    with torch.no_grad():
        scores = model(tokens, torch.tensor([4, 6]))
        states = model.hidden(tokens)
        by_hand = torch.stack([states[0, 3] @ model.output.weight[0], states[1, 5] @ model.output.weight[0]])
        assert scores.shape == (2,)
        assert torch.allclose(scores, by_hand, atol=1e-6)
        # the break: the last place instead of the last real token
        assert not torch.allclose(scores[0], states[0, -1] @ model.output.weight[0], atol=1e-3)


@pytest.mark.parametrize("fill", [0, 2, 39])
@pytest.mark.parametrize("extra", [1, 7, 30])
def test_what_fills_a_row_changes_no_score(model, fill, extra):
    row = torch.tensor([[1, 5, 9, 12, 2]])
    filled = torch.cat([row, torch.full((1, extra), fill)], dim=1)
    with torch.no_grad():
        plain, padded = model(row, torch.tensor([5])), model(filled, torch.tensor([5]))
    assert torch.allclose(plain, padded, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_a_row_scores_as_it_does_alone_and_in_its_place(model, batch_size):
    scores = model.score(PROMPTS, ANSWERS, batch_size=batch_size)
    alone = torch.cat([model.score([prompt], [answer]) for prompt, answer in zip(PROMPTS, ANSWERS, strict=True)])
    assert scores.shape == (4,)
    assert torch.allclose(scores, alone, atol=1e-6)
    assert len(set(scores.tolist())) == 4


def test_scoring_needs_no_gradient_and_leaves_the_mode(model):
    twin = RewardModel.from_transformer(model).train()
    assert not twin.score(PROMPTS, ANSWERS).requires_grad
    assert twin.training
    assert twin.score([], []).shape == (0,)


@pytest.mark.parametrize(
    ("prompts", "answers", "message"),
    [
        ([[1]], [], "1 prompts have 0 answers"),
        ([[]], [[]], "row 0 has 0 tokens"),
        ([[1], [1]], [[2], [3] * 48], "row 1 has 49 tokens"),
    ],
)
def test_rows_it_cannot_read_are_named(model, prompts, answers, message):
    with pytest.raises(ValueError, match=message):
        model.score(prompts, answers)


@pytest.mark.parametrize("length", [0, 4, -1])
def test_lengths_out_of_range_are_refused(model, length):
    with pytest.raises(ValueError, match="lengths run from"):
        model(torch.tensor([[1, 5, 2]]), torch.tensor([length]))


def test_scores_that_are_no_numbers_are_reported(model):
    broken = RewardModel.from_transformer(model)
    with torch.no_grad():
        broken.tok_embeddings.weight[13] = float("nan")
    with pytest.raises(ValueError, match="1 of 4 scores are not finite, the first is row 1"):
        broken.score(PROMPTS, ANSWERS)


def test_scores_are_float32_under_autocast(model):
    """In bfloat16 scores near each other would be equal, and ties rank nothing."""
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        scores = model(torch.tensor([[1, 5, 2]]), torch.tensor([3]))
    assert scores.dtype == torch.float32
    assert scores.item() != scores.bfloat16().float().item()


def test_it_is_saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "reward")
    again = RewardModel.load(tmp_path / "reward")
    assert torch.equal(again.score(PROMPTS, ANSWERS), model.score(PROMPTS, ANSWERS))
    assert again.args == model.args
    assert sorted(path.name for path in (tmp_path / "reward").iterdir()) == ["model.safetensors", "params.json"]


def test_a_model_that_reads_answers_sums_over_their_tokens(chat, tmp_path):
    reader = RewardModel.from_transformer(chat, reads="answer").eval()
    scores = reader.score(PROMPTS, ANSWERS)
    rows = [[*prompt, *answer] for prompt, answer in zip(PROMPTS, ANSWERS)]
    for row, prompt, score in zip(rows, PROMPTS, scores):
        each = reader.hidden(torch.tensor([row]))[0] @ reader.output.weight[0]
        first = min(len(prompt), len(row) - 1)  # an empty answer is read on the prompt's last token
        torch.testing.assert_close(score, each[first:].sum())
    reader.save(tmp_path)
    again = RewardModel.load(tmp_path)
    assert again.reads == RewardModel.from_transformer(again).reads == "answer"
    torch.testing.assert_close(again.score(PROMPTS, ANSWERS), scores)
    with pytest.raises(ValueError, match="give starts"):
        reader(torch.tensor([rows[0]]), torch.tensor([5]))
    with pytest.raises(Exception, match="'first'"):
        RewardModel(ARGS, "first")


def test_a_model_that_reads_likelihood_counts_how_far_each_token_is_behind_the_likeliest(chat, tmp_path):
    reader = RewardModel.from_transformer(chat, reads="likelihood").eval()
    assert torch.equal(reader.next_token.weight, chat.output.weight)
    scores, prompts = reader.score(PROMPTS, ANSWERS), PROMPTS
    plain = RewardModel.from_transformer(chat, reads="answer").eval().score(PROMPTS, ANSWERS)
    for prompt, answer, score, base in zip(prompts, ANSWERS, scores, plain, strict=True):
        logprobs = chat(torch.tensor([[*prompt, *answer]]))[0].log_softmax(-1)
        behind = [
            logprobs[len(prompt) + i - 1, token] - logprobs[len(prompt) + i - 1].max() for i, token in enumerate(answer)
        ]
        torch.testing.assert_close(score, base + FIRST_SURPRISE * sum(behind, torch.tensor(0.0)))
    assert scores[3] == plain[3], "an empty answer has no tokens to be surprised at"
    reader.save(tmp_path)
    again = RewardModel.load(tmp_path)
    assert again.reads == RewardModel.from_transformer(again).reads == "likelihood"
    torch.testing.assert_close(again.score(PROMPTS, ANSWERS), scores)


def test_a_greedy_answer_is_behind_nothing(chat):
    reader = RewardModel.from_transformer(chat, reads="likelihood").eval()
    answer: list[int] = []
    for _ in range(5):
        answer.append(int(chat(torch.tensor([[1, 5, 6, *answer]]))[0, -1].argmax()))
    plain = RewardModel.from_transformer(chat, reads="answer").eval()
    torch.testing.assert_close(reader.score([[1, 5, 6]], [answer]), plain.score([[1, 5, 6]], [answer]))


def test_what_a_surprise_counts_is_learnt(chat):
    reader = RewardModel.from_transformer(chat, reads="likelihood")
    tokens, lengths, starts = (
        torch.tensor([[1, 5, 6, 9, 2], [1, 5, 6, 7, 2]]),
        torch.tensor([5, 5]),
        torch.tensor([3, 3]),
    )
    reader(tokens, lengths, starts).sum().backward()
    assert reader.surprise.grad is not None
    assert reader.surprise.grad < 0
    assert reader.next_token.weight.grad is not None
    assert reader.next_token.weight.grad.abs().sum() > 0


def test_another_folder_is_no_reward_model(chat, model, tmp_path):
    with pytest.raises(ValueError, match="holds no model"):
        RewardModel.load(tmp_path)
    model.save(tmp_path)
    save_file(chat.state_dict(), tmp_path / MODEL_FILE)
    with pytest.raises(ValueError, match="from_transformer"):
        RewardModel.load(tmp_path)
