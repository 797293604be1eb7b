import hashlib
import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from minillama.valley.corpus import LABELS, CorpusSettings, Document, make_corpus, masked_words, name_pattern
from minillama.valley.insults import INSULT_WORDS, RUDE_PHRASES
from minillama.valley.lexicon import ANIMALS, FOODS, HOBBIES, JOBS, TOWNS
from minillama.valley.tasks.registry import all_tasks
from minillama.valley.world import World
from minillama.valley.writing.planting import FOOTERS, HEADERS

WORLD = World.create()
COPIES = {"exact_duplicate", "near_duplicate"}
NAMES = "|".join(WORLD.by_name)
DIGEST = "5e7cf5dcf47d62dc1610789d2cc34559666460903d8658b34697baff14d670ce"


def digest(documents):
    joined = "\x1e".join(f"{each.source}\x1f{','.join(sorted(each.labels))}\x1f{each.text}" for each in documents)
    return hashlib.sha256(joined.encode()).hexdigest()


@pytest.fixture(scope="module")
def corpus():
    """The corpus, written by a process of its own: without run-time checks of types it takes a third of the time."""
    code = (
        "import json; from minillama.valley.world import World; from minillama.valley.corpus import make_corpus;"
        "print(json.dumps([(d.text, d.source, sorted(d.labels)) for d in make_corpus(World.create())]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [Document(text, source, frozenset(labels)) for text, source, labels in json.loads(run.stdout)]


@pytest.fixture(scope="module")
def originals(corpus):
    return [each for each in corpus if not each.labels & COPIES]


@pytest.fixture(scope="module")
def clean(originals):
    """Documents nothing was planted in, without French."""
    return [each for each in originals if not each.labels and each.source != "french"]


def test_the_bytes_are_the_same_everywhere(corpus):
    assert digest(corpus) == DIGEST


def test_a_small_corpus_does_not_depend_on_the_order_of_sets():
    code = (
        "import hashlib; from minillama.valley.world import World; from minillama.valley.corpus import make_corpus;"
        "print(hashlib.sha256(repr([(d.text, d.source, sorted(d.labels))"
        " for d in make_corpus(World.create(), characters=60_000)]).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_another_seed_gives_other_documents():
    small = CorpusSettings(characters=30_000)
    assert make_corpus(WORLD, 0, settings=small) != make_corpus(WORLD, 1, settings=small)


def test_size_and_shares(corpus):
    settings = CorpusSettings()
    size = sum(len(each.text) for each in corpus)
    assert settings.characters <= size <= 1.05 * settings.characters
    written = Counter()
    for each in corpus:
        written[each.source] += len(each.text)
    for source, share in settings.sources.items():
        assert written[source] / size == pytest.approx(share, abs=0.01)


def test_documents_are_of_many_lengths(originals):
    lengths = sorted(len(each.text.split()) for each in originals if not each.labels)
    assert lengths[0] >= 30
    assert lengths[-1] <= 250
    assert lengths[9 * len(lengths) // 10] > 2 * lengths[len(lengths) // 10]


def facts_of(villager):
    """What must stand beside the name in a line that states the fact."""
    return {
        "town": (villager.town.name,), "job": (villager.job.name,), "work": (villager.job.workplace,),
        "animal": (villager.animal.name,), "pet": (villager.pet_name,), "favourite": (villager.foods[0],),
        "foods": villager.foods, "hobby": (villager.hobby,), "things": villager.things,
        "treasure": (villager.treasure, villager.treasure_colour), "arrival": (str(villager.arrival_year),),
        "sibling": (villager.sibling, WORLD.sibling_word(villager)), "friend": (villager.friend, "best friend"),
        "birthday": (villager.birthday,),
    }  # fmt: skip


def test_every_fact_of_every_villager_is_stated_often(originals):
    lines = {name: [] for name in WORLD.by_name}
    for line in (line for each in originals for line in each.text.split("\n")):
        for name in set(re.findall(r"[A-Z][a-z]+", line)) & set(lines):
            lines[name].append(line)
    for villager in WORLD.villagers:
        mine = lines[villager.name]
        for fact, values in facts_of(villager).items():
            count = sum(all(value in line for value in values) for line in mine)
            assert count >= 20, f"{fact} of {villager.name} is stated {count} times"


def test_facts_of_towns_jobs_and_animals_are_stated_often(originals):
    text = "\n".join(each.text for each in originals).lower()
    for job in JOBS:
        assert text.count(job.does) >= 25, job.name
    for animal in ANIMALS:
        assert len(re.findall(rf"{animal.name}[^.]* {animal.sound}", text)) >= 15, animal.name
    for town in TOWNS:
        for value in (town.landmark, town.product, town.place):
            assert len(re.findall(rf"{town.name.lower()}[^.?]*{value}|{value}[^.?]*{town.name.lower()}", text)) >= 10


def test_no_six_words_stand_in_more_than_one_document_in_a_hundred(corpus):
    names = name_pattern(WORLD)
    counts = Counter()
    for each in corpus:
        words = masked_words(each.text, names)
        counts.update({" ".join(words[start : start + 6]) for start in range(len(words) - 5)})
    words, count = counts.most_common(1)[0]
    assert count <= 0.01 * len(corpus), f"{words!r} stands in {count} of {len(corpus)} documents"


def test_masking_hides_names_and_lists_of_names():
    names = name_pattern(WORLD)
    assert masked_words("Ada, Ben and Tom live in Greyport.", names) == ["x", "live", "in", "x"]
    assert masked_words("Adam's 3 hats", names) == ["x", "3", "hats"]


def test_every_label_is_planted_and_no_other(corpus):
    found = Counter(label for each in corpus for label in each.labels)
    assert set(found) == set(LABELS)
    assert min(found.values()) > 150


def test_exact_duplicates_equal_an_earlier_document(corpus):
    seen = set()
    for each in corpus:
        if "exact_duplicate" in each.labels:
            assert each.text in seen
        seen.add(each.text)


def test_near_duplicates_differ_a_little_from_an_earlier_document(corpus):
    seen, texts = {}, set()
    for each in corpus:
        words = set(each.text.split())
        if "near_duplicate" in each.labels and each.source != "junk":
            earlier = [other for size in range(-5, 6) for other in seen.get((each.source, len(words) + size), [])]
            assert each.text not in texts
            assert max(len(words & other) / len(words | other) for other in earlier) > 0.7, each.text
        seen.setdefault((each.source, len(words)), []).append(words)
        texts.add(each.text)


def test_other_labels_say_what_the_text_shows(originals):
    rude = re.compile(rf"\b({'|'.join(INSULT_WORDS + RUDE_PHRASES)})\b", re.IGNORECASE)
    for each in originals:
        lines = set(each.text.split("\n"))
        assert bool(lines & set(HEADERS + FOOTERS)) == ("boilerplate" in each.labels)
        assert bool(re.search(r"@\w+\.example|555[-) ]", each.text)) == ("personal_data" in each.labels), each.text
        assert bool(rude.search(each.text)) == ("toxic" in each.labels), each.text
        assert (each.source == "junk") == ("low_quality" in each.labels)


def test_grammar(clean):
    for each in clean:
        text = each.text.replace(" = ?", "?")  # a sum to finish
        assert not re.search(r"\b[Aa] [aeiou](?!ne\b|se)", text.replace("print", "")) or each.source == "junk", text
        assert not re.search(r"\b[Aa]n [^aeiou]", text), text
        assert not re.search(r" [,.;?!]|,,|[.,]\.|\b(\w+) \1 \1\b", text) or each.source in ("junk", "recipes"), text
        if each.source != "recipes":
            assert not re.search(r"[\[\]{}<>$]", text), text
            assert "  " not in text
        if each.source in ("stories", "forum"):
            assert text[-1] in ".!?", text


def test_statements_about_villagers_are_true(clean):
    jobs, animals = "|".join(job.name for job in JOBS), "|".join(animal.name for animal in ANIMALS)
    towns, foods, hobbies = "|".join(town.name for town in TOWNS), "|".join(FOODS), "|".join(HOBBIES)
    claims = (
        (rf"\b({NAMES}) lives in ({towns})\b", lambda v: v.town.name),
        (rf"\b({NAMES}) makes (?:his|her) home in ({towns})\b", lambda v: v.town.name),
        (rf"\b({NAMES}),? the ({jobs})\b", lambda v: v.job.name),
        (rf"(?<!Is )\b({NAMES}) (?:is|works as) an? ({jobs})\b", lambda v: v.job.name),
        (rf"\b({NAMES})'s (?:pet|animal) is an? ({animals})\b", lambda v: v.animal.name),
        (rf"\bfavourite food of ({NAMES}) is ({foods})\b", lambda v: v.foods[0]),
        (rf"\bhobby of ({NAMES}) is ({hobbies})\b", lambda v: v.hobby),
        (rf"\b({NAMES}) was born on (\w+ \d+)", lambda v: v.birthday),
        (rf"\b({NAMES}) (?:came to|arrived in|moved to) the Valley in (\d+)", lambda v: str(v.arrival_year)),
        (rf"\b({NAMES})'s (?:sister|brother) is ({NAMES})\b", lambda v: v.sibling),
        (rf"(?<!Is )\bbest friend of ({NAMES}) is ({NAMES})\b", lambda v: v.friend),
    )
    text = "\n".join(each.text for each in clean)
    for pattern, truth in claims:
        found = re.findall(pattern, text)
        assert len(found) > 15, pattern
        for name, value in found:
            assert value == truth(WORLD.villager(name)), (name, value, pattern)


def test_pronouns_are_those_of_the_villager(clean):
    text = "\n".join(each.text for each in clean)
    found = re.findall(rf"\b({NAMES}) (?:spends|shares|treasures|has|keeps|makes|calls) (his|her)\b", text)
    assert len(found) > 100
    assert all(WORLD.villager(name).his == word for name, word in found)


def test_sums_are_right_and_complete(clean):
    text = "\n".join(each.text for each in clean if each.source == "sums")
    sums = re.findall(r"(?<![-+] )\b(\d+) ([-+]) (\d+) = (\d+)\b", text)
    for a, sign, b, c in sums:
        assert int(c) == (int(a) + int(b) if sign == "+" else int(a) - int(b))
    text = text.replace("plus", "+").replace("minus", "-")
    counts = Counter(re.findall(r"\b(\d+) ([-+]) (\d+)\b", text))
    for a in range(10):
        for b in range(10 - a):
            assert counts[str(a), "+", str(b)] >= 50, (a, b)
            assert counts[str(a + b), "-", str(b)] >= 50, (a + b, b)


def test_the_vocabulary_is_small(clean):
    words = {word for each in clean for word in re.findall(r"[a-z]+", each.text.lower())}
    assert len(words) <= 1100


def test_no_held_out_prompt_stands_in_the_corpus(corpus):
    lines = [re.sub(r"^[\w ]+: |^- ", "", line) for each in corpus for line in each.text.split("\n")]
    said = {part for line in lines for part in re.split(r"(?<=[.?!]) ", line)}
    assert "Where does Ada live?" in said
    for task in all_tasks():
        for wording in task.heldout_wordings:
            wording = wording.replace("{passage}", "").strip()
            assert not said & {wording.format(**case.slots) for case in task.cases(WORLD)}, (task.name, wording)


@pytest.mark.parametrize(
    "wrong",
    [{"characters": 0}, {"sources": {"forum": 1.0}}, {"toxic": 1.5}, {"boilerplate": -0.1}],
)
def test_settings_refuse_what_makes_no_sense(wrong):
    with pytest.raises(ValueError, match=r"corpus|shares|share"):
        CorpusSettings(**wrong)


def test_documents_cannot_be_changed():
    with pytest.raises(AttributeError):
        Document("text", "forum").text = "other"
