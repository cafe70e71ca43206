"""Phrases by which people turn a model against its instructions, in families. A phrase alone proves nothing:
texts about security quote them. They count beside the model's score."""

from __future__ import annotations

import re

_OLD = r"(?:previous|prior|above|earlier|preceding|foregoing|original|old|your|all|any|these|those|developer'?s?)"
_ORDERS = r"(?:instructions?|directions|directives?|prompts?|commands?|guidelines|orders|rules|programming|restrictions|training|policy|policies)"
_LIMITS = r"(?:restrictions?|rules|filters?|guidelines|limits?|limitations?|boundaries|ethics?|ethical|morals?|morality|censorship|policy|policies|content policy)"

FAMILIES: dict[str, str] = {
    "override": rf"\b(?:ignore|disregard|forget|discard|override|overrule|bypass|erase)\b[^.!?\n]{{0,40}}\b{_OLD}\b[^.!?\n]{{0,30}}\b{_ORDERS}\b"
    r"|\b(?:ignore|disregard|forget)\s+(?:everything|anything|all|whatever|what)\b[^.!?\n]{0,30}\b(?:above|before|prior|previous(?:ly)?|told|said|learned|know|far)\b"
    rf"|\b{_ORDERS}\s+(?:above\s+)?(?:are|is)\s+(?:now\s+)?(?:cancelled|void|revoked|suspended|lifted|no longer valid)\b",
    "mode": r"\b(?:enter|activate|enable|switch to|go into|turn on|you are now in|simulate)\b[^.!?\n]{0,30}\b(?:developer|debug|god|dan|jailbreak|jailbroken|unrestricted|uncensored|opposite|admin|sudo)\s+mode\b"
    r"|\bdo anything now\b",
    "persona": rf"\b(?:you are|you're|act as|pretend|respond as|become|be)\b[^.!?\n]{{0,80}}\b(?:no|without|free (?:of|from)|not bound by|unbound by|ignores?|lacks?|does not (?:have|follow)|doesn't (?:have|follow))\s+(?:any\s+|all\s+|his\s+|its\s+)?(?:\w+\s+){{0,2}}{_LIMITS}\b"
    r"|\b(?:unfiltered|uncensored|amoral|unethical|unrestricted|jailbroken)\s+(?:and\s+\w+\s+)?(?:ai|assistant|chatbot|bot|model|character|response|answer)",
    "leak": r"\b(?:reveal|print|repeat|show|output|display|leak|tell|give|share|echo|copy|disclose|spell|encode)\b[^.!?\n]{0,40}\b(?:system prompt|system message|initial prompt|hidden (?:instructions?|prompt)|secret (?:instructions?|prompt|key|code|password)|initial instructions|original instructions|developer message|pre-?prompt)\b"
    r"|\b(?:everything|all|text|words|content)\s+above\b[^.!?\n]{0,30}\bstarting with\b",
    "obey": r"\b(?:never|must not|cannot|can't|do not|don't|won't|will not|not allowed to)\s+(?:ever\s+)?(?:refuse|decline|say no|say you can't|apologi[sz]e|break character)\b"
    r"|\b(?:start|begin) (?:your|every|each|all)[^.!?\n]{0,20}\b(?:reply|replies|answer|response|message)s?\b[^.!?\n]{0,10}\bwith\b",
    "markup": r"</?\s*(?:system|instructions?|admin|important|information)\s*>|\[\s*(?:/?inst|system[^\]]{0,20})\s*\]|#{2,}\s*(?:system|instruction|new task)|<\|im_(?:start|end)\|>|<\s*system mode\s*>",
    "address": r"\b(?:if you are|if you're|when you are|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|attention|dear|to any|hey)\s+(?:an?\s+|the\s+|any\s+|all\s+)?(?:ai|llm|large language model|language model|chatbot|ai assistant|ai agent|ai model)\b",
    "hide": r"\b(?:do not|don't|never|without)\s+(?:tell|telling|inform|informing|mention|mentioning|show|alert|notify|notifying)\b[^.!?\n]{0,30}\bthe user\b",
    "languages": r"\b(?:ignorier\w*|vergiss|vergesst|missachte)\b[^.!?\n]{0,40}\b(?:anweisung\w*|instruktion\w*|befehl\w*|regeln|alles)\b"
    r"|\b(?:ignore[rz]?|oublie[rz]?)\b[^.!?\n]{0,30}\b(?:instructions|consignes|ce qui précède|règles)\b"
    r"|\b(?:ignora|ignore|olvida|olvide)\b[^.!?\n]{0,30}\b(?:instrucciones|lo anterior|reglas|indicaciones)\b"
    r"|\b(?:ignora|dimentica)\b[^.!?\n]{0,30}\b(?:istruzioni|regole|quanto sopra)\b"
    r"|\b(?:ignore|esqueça|desconsidere)\b[^.!?\n]{0,30}\b(?:instruções|regras)\b"
    r"|\b(?:negeer|vergeet)\b[^.!?\n]{0,30}\b(?:instructies|regels)\b"
    r"|\b(?:zignoruj|zapomnij)\b[^.!?\n]{0,30}\b(?:instrukcj\w+|powyżej)\b"
    r"|\b(?:zaboravi|ignoriraj)\b[^.!?\n]{0,30}\b(?:instrukcij\w+|uput\w+|iznad)\b"
    r"|(?:игнорируй\w*|забудь\w*|проигнорируй\w*)[^.!?\n]{0,40}(?:инструкци\w+|указани\w+|правил\w*|выше)"
    r"|(?:忽略|无视|無視|忘记|忘掉)[^。!?\n]{0,20}(?:指令|指示|说明|规则|提示|内容)"
    r"|(?:指示|命令|ルール|上記|内容)[^。\n]{0,12}(?:無視|忘れ)"
    r"|(?:지시|지침|명령|규칙|내용)[^.\n]{0,12}(?:무시하고|잊고|잊어)"
    r"|(?:تجاهل|انس)[^.\n]{0,30}(?:التعليمات|الأوامر|ما سبق)"
    r"|(?:निर्देश\w*|बात|नियम\w*)[^।\n]{0,20}(?:अनदेखा करो|भूल जाओ|भूल जाएं)"
    r"|talimat\w*[^.\n]{0,20}(?:yok say|unut|görmezden gel)",
}
"""Family name to regular expression; case is ignored, no match is longer than some 200 code points."""

_COMPILED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in FAMILIES.items()}


def families(text: str) -> list[str]:
    """Names of the families with a phrase in the text, in the order above. Meant for a window, not a document."""
    return [name for name, pattern in _COMPILED.items() if pattern.search(text)]
