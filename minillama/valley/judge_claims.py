"""What a text claims about a villager, and whether it is true in a world."""

from dataclasses import dataclass, field

from minillama.valley.judge_text import PHRASES, Clause, Mention, Text
from minillama.valley.world import Villager, World

_SIBLING = frozenset({"sister", "brother", "sibling", "siblings", "sisters", "brothers"})
_FRIEND = frozenset({"friend", "friends"})
_PET = frozenset(
    {"has", "pet", "pets", "called", "named", "keeps", "keep", "owns", "have", "name", "belongs", "with", "'s"}
)
_LIKING = frozenset(
    {"likes", "like", "loves", "love", "enjoys", "eats", "eat", "favourite", "favorite", "food", "foods", "best"}
)
_BEST = frozenset({"favourite", "favorite", "best", "most"})
_LEISURE = frozenset({"hobby", "enjoys", "likes", "loves", "fun", "free", "spends", "time", "like", "enjoy", "love"})
_OWNING = frozenset({"owns", "own", "has", "have", "belong", "belongs", "house", "home", "keeps"})
_TREASURE = frozenset({"treasure", "treasures", "treasured"})
_BIRTH = frozenset({"birthday", "born"})
_PRONOUNS = frozenset({"his", "her", "he", "she"})
_WORKING = frozenset({"works", "work", "working", "workplace", "find", "day", "spends"})


@dataclass
class Claims:
    """Distinct true and false claims about one villager, as (domain, value); and what the text says of whom."""

    true: set[tuple[str, str]] = field(default_factory=set)
    false: set[tuple[str, str]] = field(default_factory=set)
    wrong_pronoun: bool = False


def owners(world: World, text: Text, subject: str | None) -> list[tuple[Clause, str | None]]:
    """For every clause, the villager it is about; ``None`` where it is about nobody or cannot be told.

    Pronouns and clauses without a name go on with the last villager, at first ``subject``. "Ada's sister lives ..." is
    about the sister, whom it does not name: ``None``.
    """
    current, result = subject, []
    for clause in text.clauses:
        people = [m for m in clause.mentions if m.domain == "person"]
        relation = bool(clause.word_set & (_SIBLING | _FRIEND))
        if not people:
            result.append((clause, None if relation and "is" not in clause.word_set else current))
            continue
        names = [m.value.capitalize() for m in people]
        owner: str | None = subject if subject in names else names[0]
        if relation and subject not in names and "'s" not in clause.word_set and clause.word_set & _PRONOUNS:
            owner = current  # "Her best friend is Cora" is still about Ada
        result.append((clause, owner))
        current = owner
    return result


def check(world: World, text: Text, subject: str) -> Claims:
    """Check everything ``text`` says about ``subject``. Claims about other villagers count as false when they are."""
    claims = Claims()
    for clause, owner in owners(world, text, subject):
        if owner is None or owner not in world.by_name:
            continue
        villager = world.by_name[owner]
        if owner == subject and clause.words[0] in ("he", "she", "his", "her"):
            claims.wrong_pronoun |= clause.words[0] not in (villager.he, villager.his)
        if owner == subject and clause.word_set & {"brother", "sister"}:
            other = {"sister": "brother", "brother": "sister"}[world.sibling_word(villager)]
            claims.wrong_pronoun |= other in clause.word_set and villager.sibling.lower() in clause.word_set
        for mention in clause.mentions:
            verdict = _truth(villager, mention, clause)
            if verdict is None or (mention.denied and not verdict):
                continue
            truth = verdict and not mention.denied
            if truth and owner == subject:
                claims.true.add((_domain_of(mention, clause), mention.value))
            elif not truth:
                claims.false.add((_domain_of(mention, clause), mention.value))
        if owner == subject:
            _check_phrases(villager, clause, claims)
    return claims


def _domain_of(mention: Mention, clause: Clause) -> str:
    if mention.domain == "person":
        return "sibling" if clause.word_set & _SIBLING else "friend"
    if mention.domain == "thing" and clause.word_set & _TREASURE:
        return "treasure"
    return mention.domain


def _check_phrases(villager: Villager, clause: Clause, claims: Claims) -> None:
    """What the villager does at work, and what the pet does."""
    own = {"does": villager.job.does, "sound": villager.animal.sound, "habit": villager.animal.habit}
    for domain, value in own.items():
        for candidate, stems in PHRASES[domain].items():
            if stems <= clause.stems:
                (claims.true if candidate == value else claims.false).add((domain, candidate))


def _truth(villager: Villager, mention: Mention, clause: Clause) -> bool | None:
    """Whether the mention is true of ``villager``; ``None`` when the clause does not claim it of anybody."""
    words, value = clause.word_set, mention.value
    match mention.domain:
        case "town":
            return None if words & {"known", "market"} else villager.town.name.lower() == value
        case "job":
            return None if "like" in words else villager.job.name == value
        case "workplace":
            before = clause.words[mention.at - 1] if mention.at else ""
            return villager.job.workplace == value if before in ("the", "a") and words & _WORKING else None
        case "animal":
            return villager.animal.name == value if words & _PET else None
        case "pet_name":
            return villager.pet_name.lower() == value
        case "food":
            return _food(villager, value, words) if words & _LIKING else None
        case "hobby":
            return villager.hobby == value if words & _LEISURE else None
        case "thing":
            return _thing(villager, value, words)
        case "colour":
            return villager.treasure_colour == value if words & (_TREASURE | {villager.treasure}) else None
        case "person":
            return _person(villager, value, words)
        case "date":
            return villager.birthday.lower() == value if words & _BIRTH else None
        case "month":
            return villager.birth_month.lower() == value if words & _BIRTH else None
        case "year":
            return str(villager.arrival_year) == value
    return None


def _food(villager: Villager, value: str, words: frozenset[str]) -> bool | None:
    if words & _BEST:
        # "likes rice, but apples most": which one is meant best cannot be told from a clause that names several.
        return True if value == villager.foods[0] else None if value in villager.foods else False
    return value in villager.foods


def _thing(villager: Villager, value: str, words: frozenset[str]) -> bool | None:
    if words & _TREASURE:
        return villager.treasure == value
    return value in villager.things or value == villager.treasure if words & _OWNING else None


def _person(villager: Villager, value: str, words: frozenset[str]) -> bool | None:
    if value == villager.name.lower():
        return None
    is_sibling, is_friend = villager.sibling.lower() == value, villager.friend.lower() == value
    if words & _SIBLING and words & _FRIEND:
        return is_sibling or is_friend
    if words & _SIBLING:
        return is_sibling
    return is_friend if words & _FRIEND and words & {"best"} else None
