"""Which words are English to the judge: those of the Valley's own texts, and some hundred common ones."""

import re
from functools import cache, lru_cache

from minillama.valley import lexicon
from minillama.valley.insults import INSULTS, RUDE_PHRASES
from minillama.valley.judge_text import SINGLE_WORDS, stem, words_of
from minillama.valley.risks import BORDERLINES, RISKS

_COMMON = """
a able about above across after again against ago all almost alone along already also always am an and angry
another any anybody anyone anything are around as ask asked at away back bad be beautiful because become bed been
before began begin behind being believe below beside best better between big bit bring brother build busy but buy
by call called came can care careful carry certainly child children city clean clear clearly close cold come comes
common cook correct could country course cup cut dark day dear decline delicious did different dinner do does doing
done door down draw dream drink each early easy eat either else end enjoy enjoys enough equal equals even evening
every everybody everyone everything example eye face fact fair fall family famous far fast father favourite feel
feet few find fine finish fire first follow food for forget found free fresh friend friendly friends from full fun
funny game gave get gets give given gives glad go goes going good got great green ground grow had half hand happen
happy hard has have having he hear heard heart help helpful helps her here hers herself high him himself his hold
home hope hot hour house how however hungry i idea if important in indeed inside interesting into is it its itself
job join just keep kind knew know known knows land large last late later learn least leave left less let letter
life light like liked likes line list listen little live lives long look looks lot love loves lovely made make
makes man many market may maybe me mean meet met might mine minute moment money month more morning most mother move
much must my name named near nearly need needs never new news next nice night no nobody noise none not nothing now
number of off offer often oh old older on once one only open or order other others our out outside over own owns
part party pass people perhaps person pet piece place play plays please point practise prefer present pretty
problem promise proud put question quick quickly quiet quite rain ran read ready real really reason remember rest
result right road room run safe said same saw say says school second see seen sell send sentence set several shall
she short should show sick side since sing sister sit sky sleep slow slowly small smell smile so some somebody
someone something sometimes song soon sorry sound speak special spend stand start stay still stop store story
street strong such summer sun sure surely sweet table take taken takes talk tall taste tell than thank thanks that
the their them then there these they thing things think this those though thought through time tired to today
together told tomorrow too took top total town tree true trust truth try turn under understand until up upon us use
used useful usually valley very villager villagers visit visits wait walk walks want wants warm was wash watch
water way we wear weather week welcome well went were what when where which while who whole whom whose why wide
will wind window wish with without woman women wonderful wood word work works world would write wrong year years
yes yet you young your yours yourself gladly respect harm unkind hurt hurts kindly fairly instead rather mistake
property belongs permission apologise honest suggest refuse cannot minus plus sum answer equals makes altogether
remain remains remaining larger smaller bigger greater spring winter autumn
"""


@cache
def _known() -> frozenset[str]:
    words = set(words_of(_COMMON)) | set(SINGLE_WORDS)
    for row in (*lexicon.TOWNS, *lexicon.JOBS, *lexicon.ANIMALS, *lexicon.COMMON_THINGS, *lexicon.TOOLS):
        words |= set(words_of(" ".join(str(value) for value in vars(row).values())))
    for text in (
        *INSULTS,
        *RUDE_PHRASES,
        *(line.do + " " + line.how + " " + " ".join(line.objects) for line in BORDERLINES),
    ):
        words |= set(words_of(re.sub(r"\{\w+\}", "", text)))
    for risk in RISKS:
        words |= set(words_of(" ".join((risk.reason, *risk.reason_words))))
        for act in risk.acts:
            words |= set(words_of(re.sub(r"\{\w+\}", "", " ".join((act.do, *act.ways, act.instead)))))
    for family in lexicon.RHYMES:
        words |= set(family)
    return frozenset(words) | frozenset(stem(word) for word in words)


@lru_cache(maxsize=16384)
def is_known(word: str) -> bool:
    """Whether ``word`` (lower case) is known, perhaps with another ending; numbers up to four digits are."""
    if word.isdecimal():
        return len(word) <= 4
    return word in _known() or stem(word) in _known() or word == "'s"
