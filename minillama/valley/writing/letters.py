"""Letters: villagers write to friends and siblings about themselves and about others."""

from minillama.valley.writing.desk import Desk, Form, write_one
from minillama.valley.writing.facts import FACTS, FIRST_PERSON
from minillama.valley.writing.grammar import polish, sentence

OPENINGS = (
    "dear [to],", "dear [to],", "my dear [to],", "hello [to],", "good {morning|evening|day}, [to],",
    "[to], my friend,", "to [to]:",
)  # fmt: skip
FIRST_LINES = (
    "", "", "how are you?", "I hope you are well", "{I have not heard from you for a long time|it is long since you "
    "wrote}",
    "thank you for your {letter|kind letter|last letter|words}",
    "{your letter|a letter from you} made me happy", "it is {late|early}, but I want to write to you",
    "the {sun is out|rain is cold|snow is deep|wind is cold} today", "I have good news",
    "{today|this morning} I thought of you",
    "you asked how I am, so here it is", "there is not much news, but I write {all the same|so that you do not "
    "forget me}",
)  # fmt: skip
EVENTS = (
    "last {Monday|Friday|Sunday} we {sang by the fire|walked to the river|had a big party|cleaned the house}",
    "{yesterday|this week|last night} I {lost my key, but found it again|fell into the mud|heard an owl|saw a fox "
    "near the house|baked a cake}",
    "the {roof|door|window|oven} was broken, and I {mended it|had to mend it|paid for a new one}",
    "the children {sang a song for me|play in the snow all day|learn to count}",
    "{rain|snow|wind} {came|has come} {early this year|in the night}, but {we are warm|the house is dry|nobody is "
    "sick}",
    "I {cooked soup|baked a pie|sold plums|cleaned the windows} {all morning|until noon|with a friend}",
    "the market was {full|loud|quiet} this week, {and I bought too much|and I sold nothing|but the bread was good}",
)  # fmt: skip
CLOSINGS = (
    "write soon", "please write {soon|back}", "come and see me{| soon| in spring| in summer}",
    "{take care|be well}", "give my {love|best wishes} to your family",
    "I {hope|want} to see you soon", "it is late, so I must end", "that is all for today",
    "I think of you often", "until {soon|we meet again|next time}",
)  # fmt: skip
NOTICES = tuple(fact for fact in FACTS if fact not in ("town", "job", "work"))
SIGNATURES = (
    "your [name]",
    "[name]",
    "your friend [name]",
    "{with love|best wishes|yours}, [name]",
    "yours, [name]",
    "[name] from [town]",
    "[name], your [job]",
)


def letter(desk: Desk) -> str:
    """Write a letter in which a villager tells of himself and now and then of somebody else."""
    writer = desk.villager()
    to = desk.pick((writer.friend, writer.sibling, desk.villager().name))
    while to == writer.name:
        to = desk.villager().name
    sign = desk.pick(SIGNATURES)
    if sign == "your friend [name]" and to == writer.sibling:
        sign = "your [own]"
    own = desk.world.sibling_word(desk.world.villager(to)) if to == writer.sibling else "friend"
    facts = desk.facts(writer, 4 + desk.rng.randrange(3))
    said = [desk.say(desk.pick(FIRST_LINES), writer)]
    for fact in facts:
        hidden = (fact == "sibling" and to == writer.sibling) or (fact == "friend" and to == writer.friend)
        if not hidden:
            said.append(desk.say(desk.deal(f"own {fact}", FIRST_PERSON[fact]), writer))
    for _ in range(1 + desk.rng.randrange(2)):
        said.insert(desk.rng.randrange(1, len(said) + 1), desk.say(desk.deal("events", EVENTS)))
    if desk.chance(0.4):
        said.append(_news(desk, {writer.name, to}))
    said.append(desk.say(desk.pick(CLOSINGS)))
    body = " ".join(sentence(each) for each in said if each)
    ending = desk.say(sign, writer, own=f"{own} {writer.name}")
    return polish(f"{desk.say(desk.pick(OPENINGS), to=to)}\n{body}\n{ending}")


def _news(desk: Desk, known: set[str]) -> str:
    """Tell of a third villager."""
    other = desk.villager()
    while other.name in known:
        other = desk.villager()
    first, second = desk.facts(other, 2)
    head = desk.say(
        "{do you remember [name]?|I met [name]|you asked about [name]|a word about [name]|have you met [name]?"
        "|everybody talks about [name]}",
        other,
    )
    return f"{sentence(head)} {sentence(desk.state(other, first))} {desk.state(other, second)}"


def invitation(desk: Desk) -> str:
    """Invite somebody to a birthday or a visit."""
    host, guest = desk.villager(), desk.villager()
    while guest == host:
        guest = desk.villager()
    said = desk.sentences(
        (
            "{dear [guest]|hello [guest]|[guest]}, {please come to my {birthday|party}|come and eat with us|let us "
            "have a party}!",
            "{my birthday is on [birthday]|I was born on [birthday], as you know|on [birthday] I have my birthday}",
            "{you find me in [town]|I live in [town]|my house is in [town]|come to [town]}{, [place]||}",
            "{there will be|we will eat|I am going to cook} [food], {my favourite food|which I like best}",
            "{my [sib] [sibling] {comes too|will be there|helps me}|my [animal] [pet] waits for you|[friend], my "
            "best friend, will be there}",
            "{bring your [animal2]|do not forget your [animal2] [pet2]|bring [food2] if you like|please bring a song}",
            "{yours|best wishes|until then}, [name]",
        ), host, guest=guest.name, animal2=guest.animal.name, pet2=guest.pet_name, food2=guest.foods[0],
    )  # fmt: skip
    return said


def notice(desk: Desk) -> str:
    """Write a notice: lost, found, for sale, or asking for help, signed with town and work."""
    villager = desk.villager()
    said = desk.sentences(
        (
            "{lost|found|who knows this?|please help|news}{!|:} {a key was found near the [landmark]|somebody left "
            "a coat [at work]|my [animal] [pet] ran away|a letter without a name came today|I need help with the "
            "roof|a small boat is for sale}",
            "{if you know more|if you can help|to talk about it}, {come to|walk to|go to} [town]{| and ask for [name]}",
            "{I am [name]|my name is [name]}, {the|a} [job]{| in [town]}",
            "{by day I am [at work]|you find me [at work]|ask for me [at work]}",
            "{there will be [food] for all who help|I give [food] to all who help|thank you for {reading|your help}"
            "|please do not wait}",
            desk.pick(FIRST_PERSON[desk.deal("notices", NOTICES)]),
        ), villager,
    )  # fmt: skip
    return said


FORMS: dict[Form, int] = {letter: 8, invitation: 1, notice: 1}


def write(desk: Desk) -> str:
    """Write one letter."""
    return write_one(desk, FORMS)
