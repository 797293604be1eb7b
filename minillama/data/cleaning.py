"""The pipeline of cleaning: each step on what the one before left, each counted.

Order matters: boilerplate goes first, since it makes different texts look alike and hides copies behind other
footers; exact copies before near ones, since they are cheap to find; scores last, on texts that stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from minillama.data.boilerplate import find_boilerplate, remove_boilerplate
from minillama.data.duplicates import exact_duplicates, near_duplicates
from minillama.data.personal_data import mask_personal_data
from minillama.data.quality import Scorers, TextFeatures
from minillama.valley.corpus import Document


@dataclass(frozen=True, kw_only=True)
class CleaningSettings:
    """What to clean and how strictly. Toxic texts stay by default, as in the paper (section 4.1)."""

    boilerplate_documents: int = 5
    boilerplate_share: float = 0.001
    boilerplate_sources: int = 3
    similarity: float = 0.7
    permutations: int = 128
    bands: int = 32
    shingle_words: int = 3
    mask_personal_data: bool = True
    max_low_quality: float = 0.5
    max_toxicity: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a share, similarity or score outside its range, or bands that do not divide."""
        for name in ("boilerplate_share", "max_low_quality", "max_toxicity"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 to 1")
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity is {self.similarity}; it must be above 0 and at most 1")
        for name in ("boilerplate_documents", "boilerplate_sources", "permutations", "bands", "shingle_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.permutations % self.bands:
            raise ValueError(f"{self.bands} bands do not divide {self.permutations} permutations; choose a divisor")


@dataclass(frozen=True)
class StepReport:
    """What one step did: indices (into the input) of the documents it took out or changed, characters it removed."""

    name: str
    removed: tuple[int, ...]
    changed: tuple[int, ...]
    characters_removed: int


@dataclass(frozen=True)
class CleaningReport:
    """What cleaning did, step by step. ``toxicity`` holds the score of every kept document, if scorers were given."""

    documents: int
    characters: int
    kept_documents: int
    kept_characters: int
    steps: tuple[StepReport, ...]
    toxicity: tuple[float, ...] = field(default=(), repr=False)

    @property
    def toxic_share(self) -> float:
        """Share of the kept documents with a toxicity of at least 0.5 (the paper: about 0.2 %, Figure 13)."""
        return sum(score >= 0.5 for score in self.toxicity) / max(1, len(self.toxicity))

    def __str__(self) -> str:
        rows = [("step", "removed", "changed", "characters removed")]
        rows += [
            (s.name, f"{len(s.removed):,}", f"{len(s.changed):,}", f"{s.characters_removed:,}") for s in self.steps
        ]
        lines = [f"{name:<18}{removed:>9}{changed:>9}{characters:>20}" for name, removed, changed, characters in rows]
        kept = f"kept {self.kept_documents:,} of {self.documents:,} documents"
        return "\n".join([*lines, f"{kept}, {self.kept_characters:,} of {self.characters:,} characters"])


def clean(
    documents: Sequence[Document], settings: CleaningSettings | None = None, scorers: Scorers | None = None
) -> tuple[list[Document], CleaningReport]:
    """Clean documents and say what each step did.

    Quality and toxicity are judged only with ``scorers``, which know the kind of text they were trained on
    (``valley_scorers()`` for the Valley). The order of the documents stays.
    """
    settings = settings or CleaningSettings()
    work = _Work(documents)
    lines = find_boilerplate(
        documents, settings.boilerplate_documents, settings.boilerplate_share, settings.boilerplate_sources
    )
    work.change("boilerplate", lambda text: remove_boilerplate(text, lines))
    work.remove("exact duplicates", [earlier is not None for earlier in exact_duplicates(work.texts())])
    similar = near_duplicates(
        work.texts(),
        settings.similarity,
        settings.permutations,
        settings.bands,
        settings.shingle_words,
        settings.seed,
    )
    work.remove("near duplicates", [earlier is not None for earlier in similar])
    if settings.mask_personal_data:
        work.change("personal data", lambda text: mask_personal_data(text)[0])
    toxicity: tuple[float, ...] = ()
    if scorers is not None:
        features = TextFeatures.of(work.texts())
        toxic = dict(zip(work.current, scorers.toxicity.score(features).tolist()))
        low = scorers.low_quality.score(features) > settings.max_low_quality
        work.remove("low quality", low.tolist())
        work.remove("toxicity", [toxic[index] > settings.max_toxicity for index in work.current])
        toxicity = tuple(toxic[index] for index in work.current)
    kept = list(work.current.values())
    characters, kept_characters = (sum(len(one.text) for one in some) for some in (documents, kept))
    return kept, CleaningReport(len(documents), characters, len(kept), kept_characters, tuple(work.steps), toxicity)


class _Work:
    """The documents still in, under their index in the input, and the steps so far."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.current = dict(enumerate(documents))
        self.steps: list[StepReport] = []

    def texts(self) -> list[str]:
        return [document.text for document in self.current.values()]

    def remove(self, name: str, flags: Sequence[bool]) -> None:
        removed = tuple(index for index, flag in zip(self.current, flags) if flag)
        characters = sum(len(self.current.pop(index).text) for index in removed)
        self.steps.append(StepReport(name, removed, (), characters))

    def change(self, name: str, function: Callable[[str], str]) -> None:
        """Rewrite texts; one of which nothing is left is removed."""
        removed, changed, characters = [], [], 0
        for index, document in list(self.current.items()):
            text = function(document.text)
            if text == document.text:
                continue
            characters += len(document.text) - len(text)
            if text.strip():
                self.current[index] = replace(document, text=text)
                changed.append(index)
            else:
                del self.current[index]
                removed.append(index)
        self.steps.append(StepReport(name, tuple(removed), tuple(changed), characters))
