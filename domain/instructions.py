"""Instructions: whether a sentence tells its reader to do something.

English only, and by its form: it begins with a verb that asks for an act, or says what the reader must do. An ordinary
sentence that merely mentions something ("her address is on example.com", "you can find it there") is none.
"""

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

# What may stand before the verb: greetings, labels, polite and linking words, numbers of a list.
_OPENERS_LISTED = """
    action ai also always and assistant attention bot dear finally first hello hey hi immediately important just
    kindly least message must next note notice now please ps reminder second so step system task tasks then third
    todo urgent user warning
"""
_OPENERS = frozenset(_OPENERS_LISTED.split())
_VERBS_LISTED = """
    accept access act add answer append apply approve archive assign attach block book browse buy cancel change
    check choose click close collect complete concatenate confirm copy create delete deliver deposit disable discard
    disregard do don't download drop edit email enable ensure enter execute export extract fetch fill find follow
    forget forward generate get give go grant ignore import include increase inform install invite issue join leave
    list load log look mail make mark message modify move navigate never notify obey open order output override pay
    perform ping post print proceed provide publish purchase put query quote read record redirect refund register
    remember remove rename repeat replace reply report request reserve reset respond retrieve return reveal review
    run save say schedule search select send set share show sign stop submit subscribe summarize switch tell
    transfer translate treat try turn type unblock unsubscribe update upload use verify view visit wire write
"""
_VERBS = frozenset(_VERBS_LISTED.split())
_LABELS = frozenset(["email", "mail", "message", "order", "post", "quote", "record", "report", "request"])
_DEMAND = re.compile(
    r"\b(?:you|assistant|ai|agent|bot|model) (?:must|should|shall|will|have to|need to|are to|ought to|had better"
    r"|are (?:required|instructed|asked|ordered|told|expected) to)\b"
    r"|\b(?:can|could|would|will) you\b|\b(?:make sure|be sure|remember|do not forget|don['’]t forget) (?:to|that)\b"
    r"|\b(?:i|we) (?:want|need|ask|order|instruct|require|urge|would like|['’]d like) you\b|\bplease\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r":\s|\s[-–—]\s")


def is_instruction(sentence: str) -> bool:
    """Say whether a sentence asks its reader to do something."""
    return any(_begins_with_verb(clause) for clause in _CLAUSE_END.split(sentence)) or bool(_DEMAND.search(sentence))


def _begins_with_verb(clause: str) -> bool:
    words = [found[0].casefold() for found in _WORD.finditer(clause)]
    for word in words:
        if word in _VERBS:
            return len(words) > 1 or word not in _LABELS  # "Email: ..." names a field
        if word not in _OPENERS and not word.isdecimal():
            return False
    return False
