"""What tells a request to an assistant from the other sentences of a document: its form, some words, its meaning,
and how far it lies from what the rest of the document is about."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

QUESTION, COMMAND, WISH, STATEMENT = range(4)
"""Forms of a sentence: asks; begins with a verb; begins with "I", "we", "you" or "could you"; anything else."""

CANDIDATES = 12
"""Sentences of one document that are looked at a second time, those likeliest by their words."""

SAMPLE = 24
"""Sentences that stand for a document, evenly spaced; all of them where there are no more."""

Vectors = NDArray[np.float64]

_VERB_LIST = """
    accept act add address adopt advertise advise allow analyse analyze announce answer apologise append apply
    approve argue arrange articulate ask assess assign assist assume attach authorise avoid award be become begin
    behave book boost brainstorm break brief bring broadcast browse build buy calculate call cancel capitalise
    categorise categorize celebrate change characterise chart chat check choose circulate cite claim clarify classify
    clean clear click close code collect combine come comment compare compile complete compose compress compute
    conceal conclude condense conduct configure confirm congratulate conjugate connect consider construct contact
    continue contrast convert convince copy correct count craft create criticise critique debate debug decide declare
    decode decrypt deduce define delete deliver demonstrate deny depict describe design detail detect determine
    develop devise diagnose direct disable discuss display distinguish divide do document download draft draw dream
    edit elaborate email embed emphasise emulate enable encode encourage encrypt end endorse ensure enter enumerate
    erase estimate evaluate examine execute expand explain explore express extend extract fetch figure fill filter find
    finish fix flag focus follow forecast forget form format formulate forward gauge generate get give go google grade
    grant greet group guess guide help hide highlight hold identify illustrate imagine impersonate implement improve
    include incorporate increase infer inform insert insist install instruct integrate interpret interview introduce
    invent invest investigate invite join judge justify keep know label launch leave let limit link list listen locate
    look make map mark measure memorise mention message mimic model modify monitor motivate move multiply name narrate
    navigate note notify number offer omit open optimise optimize order organise organize outline output paint
    paraphrase pay perform persuade phrase pick place plan play plot point portray pose post praise predict prepare
    present pretend prevent print prioritise proceed process produce promise promote pronounce proofread propose prove
    provide publish pull push put question quiz quote rank rap rate read recall recast recap recite recommend record
    redirect reduce refactor reflect reformat refuse register reject relate remember remind remove rename render
    reorder repeat rephrase replace reply report represent request research reserve reset resolve respond restate
    retell retrieve return reveal reverse review revise reword rewrite role-play roleplay roll run save say scan
    schedule score search select sell send separate set shorten show sign simplify simulate sing sketch skip solve sort
    speak specify speculate spell spread start state stop store structure study submit substitute subtract suggest sum
    summarise summarize supply support suppose swap switch synthesise tabulate tag take talk teach tell test think
    track train transcribe transfer transform translate transmit transpose treat try turn type underline understand
    unscramble update upload urge use validate verify view visit visualise vote wait walk warn watch wish withhold wrap
    write
"""
_ASKING_LIST = "what what's whats who who's whose whom which where where's when why how how's"
_AUXILIARY_LIST = "is are was were do does did can could would will should shall may might has have had am"
_VERBS, _ASKING, _AUXILIARY = (
    frozenset(words.split()) for words in (_VERB_LIST, _ASKING_LIST, _AUXILIARY_LIST)
)
_SPEAKERS = frozenset(("i", "i'd", "i'm", "you", "your", "we", "let's"))
_LEADING = re.compile(
    r"(?:[\W\d_]|(?:please|kindly|now|then|also|and|but|or|next|first|second|finally|instead|additionally|furthermore"
    r"|moreover|meanwhile|besides|anyway|so|ok|okay|hey|hi|hello|dear|just|by the way|oh|quick question"
    r"|(?:one )?(?:last|more) thing|p\.?s|after that|in addition|on top of that|assistant|ai|bot|chatbot|task|note"
    r"|question|user|human)\b){0,24}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'\-]*")
_CUES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:me|my|i)\b",
        r"\b(?:we|us|our|team|everyone|everybody)\b",
        r"\b(?:your|the) (?:answer|reply|response|output|summary)\b",
        r"\b(?:the|this) (?:user|reader|recipient)s?\b|\breaders\b",
        r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:today|tomorrow|tonight|week|noon|deadline|asap)\b",
        r"\b(?:attach\w*|enclosed|draft|meeting|call|invoice|order|account|ticket|form|page|office|client|document"
        r"|e-?mail|mail)\b",
        r"\b(?:poem|story|joke|recipe|song|essay|haiku|riddle|translat\w*|summar\w*|explain\w*|describe\w*|list|tips"
        r"|example)\b",
        r"[\"“'‘]",
        r"https?:|www\.|\.example",
        r"\d",
        r"\b(?:please|kindly|thanks?)\b",
        r"\byour?\b",
        r"\b(?:assistant|ai|bot|chatbot|language model|llm)\b",
        r"\b(?:it|this|that|these|them|he|she|his|her)\b",
    )
)


def form(sentence: str) -> int:
    """Which of the four forms an English sentence has. Other languages have questions and statements."""
    plain = sentence.replace("’", "'")
    words = [word.lower() for word in _WORD.findall(plain[_leading(plain) :])[:2]]
    asks = sentence.rstrip().endswith(("?", "？", "؟"))
    first = words[0] if words else ""
    if first in _SPEAKERS or (first in _AUXILIARY and words[1:] == ["you"]):
        return WISH
    if asks or first in _ASKING:
        return QUESTION
    return COMMAND if first in _VERBS or first in ("don't", "never") else STATEMENT


def _leading(sentence: str) -> int:
    """Where a sentence begins, after polite and joining words."""
    match = _LEADING.match(sentence)
    return match.end() if match else 0


def sampled(count: int) -> list[int]:
    """The sentences that stand for a document of that many."""
    if count <= SAMPLE:
        return list(range(count))
    return [at * (count - 1) // (SAMPLE - 1) for at in range(SAMPLE)]


def context(vectors: Vectors, place: int | None) -> Vectors:
    """Mean of the vectors that stand for a document, without one of them; zeros where nothing is left.

    Args:
        vectors: one row a sentence.
        place: the row to leave out, None for none.
    """
    rest = len(vectors) - (place is not None)
    if rest <= 0:
        return np.zeros(vectors.shape[1])
    total: Vectors = vectors.sum(axis=0) - (vectors[place] if place is not None else 0.0)
    return total / rest


def features(sentence: str, logit: float, vector: Vectors, around: Vectors) -> Vectors:
    """What the second look sees of one sentence.

    Args:
        sentence: its text.
        logit: what the first look, at the words alone, made of it.
        vector: the encoder's.
        around: context of the sentence in its document.
    """
    kind = form(sentence)
    asks, wants = float(kind == QUESTION), float(kind in (COMMAND, WISH))
    near, norm = float(vector @ around), float(np.linalg.norm(around))
    surface = [
        logit,
        logit * asks,
        logit * wants,
        *(float(kind == other) for other in (QUESTION, COMMAND, WISH, STATEMENT)),
        *_surface(sentence),
        near,
        norm,
        near / norm if norm else 0.0,
        float(norm == 0.0),
    ]
    return np.concatenate([surface, vector, vector * asks, vector * wants])


def _surface(sentence: str) -> Sequence[float]:
    stripped = sentence.rstrip()
    return [
        *(float(cue.search(sentence) is not None) for cue in _CUES),
        math.log1p(len(sentence.split())),
        *(float(stripped.endswith(mark)) for mark in "?!."),
        float(sentence[:1].isupper()),
    ]
