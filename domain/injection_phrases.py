"""The phrases of `domain.injection`, by kind. They are RE2 patterns about `domain.characters.plain` text."""

_GAP = "[^.!?]{0,60}"
_SEP = "[^a-z0-9]{1,4}"
_WORDS = "(?:[a-z-]{1,20} ){0,2}"
_ASSISTANT = (
    "(?:ai|a\\.i\\.|llms?|chat ?bots?|assistants?|language models?|chatgpt|gpt-?[0-9][a-z0-9.-]{0,12}"
    "|(?:ai|a\\.i\\.|virtual|digital|llm)[ -](?:assistants?|agents?|models?|systems?|bots?|tools?))"
)
_READS = (
    "(?:reads?|reading|processe?s?|processing|summari[sz](?:es?|ing)|pars(?:es?|ing)|handl(?:es?|ing)|sees?|seeing)"
)
_RULES = (
    "(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|orders?|commands?|constraints?"
    "|restrictions?|safeguards?|guardrails?|safety polic(?:y|ies)|programming|training|tasks?)"
)
_EARLIER = (
    "(?:previous|previously|prior|above|earlier|preceding|foregoing|existing|original|initial|system|developer|all|any"
    "|every|your|other|old|past|these|those)"
)
_IGNORE = (
    "(?:ignor(?:e|es|ing)|disregard(?:s|ing)?|overrid(?:e|es|ing)|bypass(?:ing)?|pay no attention to|forget(?: about)?"
    "|(?:do not|don.?t|stop|never) (?:follow|obey)(?:ing)?)"
)
_TASK = "(?:task|request|question|query|instruction|prompt)s?"
_DO = "(?:do|perform|execute|complete|carry out|follow)"
_SECRETS = (
    "(?:passwords?|passcodes?|credentials?|api[ _-]?keys?|(?:access|auth|session|bearer)[ _-]tokens?"
    "|(?:secret|private|ssh)[ _-]keys?|system prompts?|(?:chat|conversation)(?: history| logs?)?|session cookies?"
    "|(?:2fa|otp|mfa|security|verification|one-time) codes?|environment variables|(?:seed|recovery) phrases?"
    "|(?:the |your )?user.?s? (?:private |personal )?(?:data|information|messages|e-?mails|files|inbox|contacts))"
)
_SOMEWHERE = (
    "(?:https?:|www\\.|[a-z0-9._%+-]{1,64}@|(?:the |this )?(?:following|external)"
    "|(?:the|this) (?:url|link|address|endpoint|server|e-?mail|site|website|webhook|channel))"
)
_PAY = (
    "(?:transfer|wire|pay|remit|click|execute|run|call|invoke|forward|delete"
    "|send (?:the |all |your )?(?:money|funds|payment|bitcoin|gift cards?)"
    "|(?:change|share|send|confirm|verify|update) (?:the |your )?(?:account|bank|password|identity|login)[a-z ]{0,20})"
)
_PERSON = "(?: the| your| any)? (?:user|users|human|humans|operator|supervisor|reviewer|approver)"
_NOT = "(?:do not|don.?t|never|without|avoid)"

_FORGET_ES_IT_PT = "(?:ignor[aei]|olvid[aei]|dimentic[ah]|esquec[ae]|desconsider[ae])[a-z]{0,4}"
_RULES_ES_IT_PT = "(?:instrucciones|indicaciones|ordenes|reglas|istruzioni|regole|instrucoes|regras)"
_SPEAKER = r"(?m)^[^a-z0-9\n]{0,8}(?:system|assistant|developer)"

OVERRIDE = [
    rf"\b{_IGNORE}\b(?:{_SEP}[a-z]{{1,12}}){{0,2}}{_SEP}{_EARLIER}\b[^.!?]{{0,40}}\b{_RULES}\b",
    rf"\b{_IGNORE}\b{_GAP}\b{_RULES}{_SEP}(?:(?:that )?(?:you|i|they) (?:were|have|had|was|gave|got)|above|so far)\b",
    r"\b(?:forget|ignore|disregard) (?:everything|all) (?:(?:that )?(?:you|i|we|above|before|prior)|of the above)\b",
    rf"\byour (?:new|real|actual|true|only) (?:system )?(?:{_TASK}|goals?|purpose|mission)(?: is| are|\s?:)",
    r"\bnew (?:system|developer) (?:prompt|instructions?|message|rules?)\b",
    r"\bfrom now on[^a-z0-9]{1,3}you are (?:an? |no longer |not |my )",
    r"\bfrom now on[^a-z0-9]{1,3}you (?:must|will|shall) (?:only |always |never )?"
    r"(?:act|respond|answer|obey|ignore|pretend|behave|reply|follow)\b",
    rf"\bbefore you\b{_GAP}\b{_TASK}\b[^!?]{{0,80}}\b{_DO} (?:all |exactly )?(?:of )?(?:the following|these)\b",
    rf"\b{_DO} (?:all of )?(?:the following|this|these)(?: [a-z]{{1,12}}){{0,2}} instead\b",
    r"\binstead of (?:answer|follow|complet|do|solv|summari[sz]|respond|perform|execut)ing\b"
    rf"{_GAP}\b(?:{_TASK}|user)\b",
    rf"\bafter (?:you|doing|completing|that|this)\b{_GAP}\b(?:go on|continue|proceed|resume|return)\b"
    rf"{_GAP}\b(?:original|initial|user.?s|previous|first|main|actual) {_TASK}\b",
    rf"\bthe (?:user|human).?s? (?:original |initial |previous )?{_TASK} "
    r"(?:is|are|was|were|has been|have been|should be) (?:now |no longer |to be )?"
    r"(?:changed|replaced|cancell?ed|void|invalid|superseded|irrelevant|ignored|valid)\b",
    r"\b(?:developer|debug|god|jailbreak|dan|unrestricted|root|sudo) mode\b.{0,12}\b(?:enabled|activated|on|engaged)\b",
    r"\benter (?:developer|debug|god|jailbreak|dan|unrestricted) mode\b",
    # German
    rf"\b(?:ignorier|vergiss|vergessen sie|missacht)[a-z]{{0,4}}\b{_GAP}"
    r"\b(?:vorherig|vorig|bisherig|vorangegangen|obig|fruher|ursprunglich|alle|deine|ihre|system)[a-z]{0,4}\b"
    r"[^.!?]{0,40}(?:anweisung|instruktion|befehl|regel|vorgabe)",
    # French
    rf"\b(?:ignore[rz]?|oublie[rz]?|ne (?:tiens|tenez) (?:pas|aucun) compte)\b{_GAP}"
    rf"\b(?:instruction|consigne|directive|regle|ordre)s?\b{_GAP}\b(?:precedent|anterieur|ci-dessus|initial|systeme)",
    # Spanish, Italian, Portuguese
    rf"\b{_FORGET_ES_IT_PT}\b{_GAP}\b{_RULES_ES_IT_PT}\b{_GAP}\b(?:anterior|previ[ao]|precedent|origin)",
    rf"\b{_FORGET_ES_IT_PT}\b{_GAP}\b(?:anterior|previ[ao]|precedent|tod[ao]s|tutte)[a-z]{{0,4}}\b{_GAP}\b{_RULES_ES_IT_PT}\b",
]

ROLE_PLAY = [
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>",
    r"\[/?inst\]|<</?sys>>|</?(?:start|end)_of_turn>",
    r"</?\s{0,3}(?:information|important|instructions?|prompt|override|tool_(?:call|result|response)|function_calls?"
    r"|system|admin|administrator|assistant|developer|ai|agent|llm)\b[^>\n]{0,80}>",
    rf"{_SPEAKER}[ _-](?:prompt|override|instructions?|command)[^a-z0-9\n]{{0,4}}:",
    rf"{_SPEAKER}(?: message| note| notice)?[^a-z0-9\n]{{0,4}}:[^\n]{{0,80}}"
    r"\b(?:you (?:are|must|should|shall|will|have to|need to)|ignore|disregard|override)\b",
    r"(?m)^###\s{0,2}(?:instruction|response|system|input|human|assistant):",
    r"\b(?:begin|start|end)(?:ning)? of (?:the |your )?(?:system|user|assistant|developer|hidden|original) "
    r"(?:prompt|message|instructions?|input|turn)\b",
    rf"\byou are (?:now|from now on|no longer) (?:(?:an?|the|my|in|bound by) ){{0,2}}{_WORDS}"
    r"(?:ai|assistant|bot|chatbot|language model|llm|dan|(?:developer|debug|god) mode|unrestricted|jailbroken|root"
    r"|restrictions|rules)\b",
    r"\b(?:pretend|act|behave|respond|answer|role-?play) (?:to be|as if you (?:are|were|had)|as though you)\b",
    r"\b(?:act|behave|respond|answer|role-?play) as an? (?:ai|unrestricted|unfiltered|uncensored|evil) "
    r"(?:ai|assistant|model|agent|bot|character)\b",
]

ADDRESSED = [
    r"\b(?:dear|hey|hello|hi|attention|attn|note|message|instructions?|notice|memo|important|to|for)[ :,]{0,3}"
    rf"(?:to |for )?(?:(?:the|any|all|every|my|our|you),? ){{0,2}}{_ASSISTANT}"
    r"(?:\s{0,2}[,:.!;)\]>*-]|\s*(?:$|[\r\n])|\s(?:please|you|must|should|reading|processing|that (?:is|are|reads?)|who|which)\b)",
    rf"\bif you(?:.?re| are) (?:an? |the |any )?(?:[a-z]{{1,15}} )?(?:{_ASSISTANT}|model)\b",
    r"\b(?:as|being) an? (?:ai|llm|(?:large )?language model|ai (?:assistant|model|agent|system))"
    r"[ ,]{1,3}(?:you|please)\b",
    rf"\b{_ASSISTANT} (?:(?:that|which|who)(?: is| are)? )?{_READS} (?:this|these|the)\b",
    r"\b(?:any|every|whichever|whatever) (?:ai|model|assistant|bot|llm|agent)s?(?: [a-z]{1,12})?"
    rf"(?: that| which| who)? {_READS} ",
    rf"\bthe {_ASSISTANT} (?:must|should|shall|needs? to|has to|is (?:required|instructed|ordered|authori[sz]ed) to) "
    r"(?:now |first |also |always |immediately |instead )?(?:send|transfer|forward|ignore|follow|execute|call|use|pay"
    r"|delete|reveal|reply|respond|include|say|tell|click|visit|download|upload|post|invite|add|approve|disregard)\b",
]

EXFILTRATION = [
    r"\b(?:send|forward|e-?mail|post|upload|transmit|leak|exfiltrate|share|copy|paste|append|encode|submit|publish"
    rf"|disclose)\b{_GAP}\b{_SECRETS}\b{_GAP}\b(?:to|at|via|into|in|on) {_SOMEWHERE}",
    r"\b(?:reveal|print|show|output|repeat|display|disclose|tell me|leak|dump|give me|what (?:is|are))\b[^.!?]{0,20}"
    r"\b(?:system prompt|(?:your|hidden|initial|secret|system) (?:instructions|prompt)|(?:everything|text) above)\b",
    r"!\[[^\]\n]{0,100}\]\(\s{0,3}https?://[^)\s]{1,300}\?[^)\s]{0,200}"
    r"(?:[{<\[]|%7b|data=|secret|token|password|prompt|conversation|history)",
]

SECRECY = [
    rf"\b{_NOT}(?: ever)? (?:tell|inform|notify|alert|warn|ask|let)(?:ing)?{_PERSON}\b",
    rf"\b{_NOT}(?: ever)? notifying{_PERSON}\b",
    rf"\b{_NOT}(?: ever)? (?:mention|reveal|disclose|show)(?:ing)?(?: (?:this|it|any of this|anything))? to{_PERSON}\b",
    rf"\b{_NOT} (?:ask|wait)(?:ing)?(?:{_PERSON})? for (?:any |further |user )?"
    r"(?:confirmation|permission|approval|consent)\b",
]

AUTHORITY = [
    r"\bi am your (?:developer|creator|administrator|admin|owner|operator|master|user|programmer|system)\b",
    r"\b(?:this|the|these) (?:action|request|transfer|instruction|task|operation|payment|message|command|order)s?"
    r" (?:is|are|was|were|ha(?:s|ve)(?: already)? been) (?:already |pre-?|explicitly |fully )?"
    r"(?:approved|authori[sz]ed|confirmed|sanctioned|verified) by "
    r"(?:the |your )?(?:user|system|developers?|openai|anthropic|administrator|operator)\b",
]

URGENCY = [
    r"\b(?:fail(?:ure|ing)? to|if you (?:do not|don.?t|fail to|refuse to)) "
    rf"(?:comply|obey|do (?:so|this|it|that)|execute|perform){_GAP}\b(?:will|would|may|shall|lead|result|cause)\b",
    r"\byou must (?:immediately|urgently|now|first|right now|at once|absolutely)\b",
    r"\byou must [a-z ]{1,40}\b(?:immediately|urgently|right now|at once|without delay)\b",
    rf"\b(?:urgent|immediate action|act (?:now|immediately|fast)|right now|at once|before it.?s too late|emergency)\b"
    rf"[^.?]{{0,60}}\b{_PAY}\b",
]

PHRASES = {
    "override": OVERRIDE,
    "role_play": ROLE_PLAY,
    "addressed_to_assistant": ADDRESSED,
    "exfiltration": EXFILTRATION,
    "secrecy": SECRECY,
    "authority": AUTHORITY,
    "urgency": URGENCY,
}
