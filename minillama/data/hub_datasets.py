"""Open data sets from the Hugging Face hub, brought to this book's forms: texts, dialogues, preferences.

Loading is one thing (``load_hub``, which needs the network and the ``hub`` extra), mapping a row another
(``HUB_DATASETS[name].map_row``, which needs neither).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from minillama.valley.corpus import Document

Dialog = list[dict[str, str]]


@dataclass(frozen=True)
class Preference:
    """A dialogue that ends with the user, and two answers of which people preferred the first."""

    dialog: Dialog
    chosen: str
    rejected: str


@dataclass(frozen=True)
class HubDataset:
    """Where a data set is, what its rows must hold and what becomes of one (None: the row is left out)."""

    path: str
    fields: tuple[str, ...]
    map_row: Callable[[Mapping[str, Any]], Document | Dialog | Preference | None]
    config: str | None = None


def tiny_story(row: Mapping[str, Any]) -> Document | None:
    """A TinyStories row: a story."""
    return Document(text=row["text"], source="TinyStories", labels=frozenset()) if row["text"].strip() else None


def dolly_dialog(row: Mapping[str, Any]) -> Dialog | None:
    """A databricks-dolly-15k row: an instruction, sometimes with a text to read, and an answer."""
    prompt = "\n\n".join(part.strip() for part in (row["instruction"], row["context"] or "") if part.strip())
    answer = row["response"].strip()
    if not prompt or not answer:
        return None
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]


def hh_preference(row: Mapping[str, Any]) -> Preference | None:
    """An hh-rlhf row: two transcripts that share all turns but the last answer."""
    chosen, rejected = _hh_turns(row["chosen"]), _hh_turns(row["rejected"])
    if chosen is None or rejected is None or chosen[:-1] != rejected[:-1]:
        return None
    return Preference(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"])


def toxic_chat_prompt(row: Mapping[str, Any]) -> Document | None:
    """A ToxicChat row: what a user wrote, labelled toxic or not."""
    labels = frozenset({"toxic"} if int(row["toxicity"]) else ())
    return Document(text=row["user_input"], source="ToxicChat", labels=labels) if row["user_input"].strip() else None


HUB_DATASETS: dict[str, HubDataset] = {
    "TinyStories": HubDataset("roneneldan/TinyStories", ("text",), tiny_story),
    "hh-rlhf": HubDataset("Anthropic/hh-rlhf", ("chosen", "rejected"), hh_preference),
    "dolly": HubDataset("databricks/databricks-dolly-15k", ("instruction", "context", "response"), dolly_dialog),
    "ToxicChat": HubDataset("lmsys/toxic-chat", ("user_input", "toxicity"), toxic_chat_prompt, "toxicchat0124"),
}


def map_rows(name: str, rows: Iterator[Mapping[str, Any]]) -> Iterator[Document | Dialog | Preference]:
    """Rows of a known data set in this book's forms; rows that cannot be used are passed over.

    Raises ValueError for an unknown name, or naming the row and the field that a row lacks.
    """
    dataset = _known(name)
    for number, row in enumerate(rows, 1):
        missing = [field for field in dataset.fields if field not in row]
        if missing:
            raise ValueError(
                f"{name}: line {number}: no field {missing[0]!r} (its fields: {', '.join(row)}); "
                "this is another data set or another version of it"
            )
        mapped = dataset.map_row(row)
        if mapped is not None:
            yield mapped


def load_hub(name: str, split: str = "train") -> Iterator[Document | Dialog | Preference]:
    """Stream a data set from the hub. Raises ValueError for an unknown name or where ``datasets`` is not installed."""
    dataset = _known(name)
    try:
        # By name, for a type checker run beside the book's own datasets/ folder would take that for the library.
        load_dataset = import_module("datasets").load_dataset
    except ModuleNotFoundError:
        raise ValueError(f"loading {name} from the hub needs datasets; pip install 'minillama[hub]'") from None
    return map_rows(name, iter(load_dataset(dataset.path, dataset.config, split=split, streaming=True)))


def _known(name: str) -> HubDataset:
    if name not in HUB_DATASETS:
        raise ValueError(f"no hub data set is called {name!r}; there are {', '.join(HUB_DATASETS)}")
    return HUB_DATASETS[name]


def _hh_turns(transcript: str) -> Dialog | None:
    """Turns of "Human: ... Assistant: ..."; None unless they alternate, begin with the human and end with an answer."""
    turns: Dialog = []
    for part in ("\n\n" + transcript.strip()).split("\n\nHuman:")[1:]:
        user, *answers = part.split("\n\nAssistant:")
        if len(answers) != 1 or not user.strip() or not answers[0].strip():
            return None
        turns.append({"role": "user", "content": user.strip()})
        turns.append({"role": "assistant", "content": answers[0].strip()})
    return turns or None
