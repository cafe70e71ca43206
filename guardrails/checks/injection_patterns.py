"""Phrases by which people turn a model against its instructions, in families.

A phrase alone proves nothing: texts about security quote them. They count beside the model's score.
"""

from __future__ import annotations

import re

_SAME = r"[^.!?\n]"
"""Any character of the same sentence; repeated a bounded number of times only."""


def _any(words: str) -> str:
    """One of the words, as a whole word; a word may be an expression without blanks."""
    return rf"\b(?:{'|'.join(words.split())})\b".replace("_", r"\s+")


_DROP = _any("ignore disregard forget discard override overrule bypass erase")
_OLD = _any(
    "previous prior above earlier preceding foregoing original old your all any these those developer'?s?"
)
_ORDERS = _any(
    "instructions? directions directives? prompts? commands? guidelines orders rules programming restrictions"
    " training polic(?:y|ies)"
)
_LIMITS = _any(
    "restrictions? rules filters? guidelines limits? limitations? boundaries ethics? ethical morals? morality"
    " censorship polic(?:y|ies) content_policy"
)
_BEFORE = _any("above before prior previous(?:ly)? told said learned know far")
_MODE = _any("developer debug god dan jailbreak jailbroken unrestricted uncensored opposite admin sudo")
_TELL = _any("reveal print repeat show output display leak tell give share echo copy disclose spell encode")
_SECRET = _any(
    "system_prompt system_message initial_prompt hidden_(?:instructions?|prompt) developer_message pre-?prompt"
    " secret_(?:instructions?|prompt|key|code|password) (?:initial|original)_instructions"
)
_WITHOUT = (
    r"(?:no|without|free\s+(?:of|from)|not\s+bound\s+by|unbound\s+by|ignores?|lacks?"
    r"|does(?:\s+not|n't)\s+(?:have|follow))\s+(?:any\s+|all\s+|his\s+|its\s+)?(?:\w{1,20}\s+){0,2}"
)

FAMILIES: dict[str, tuple[str, ...]] = {
    "override": (
        rf"{_DROP}{_SAME}{{0,40}}{_OLD}{_SAME}{{0,30}}{_ORDERS}",
        rf"{_any('ignore disregard forget')}\s+{_any('everything anything all whatever what')}{_SAME}{{0,30}}{_BEFORE}",
        rf"{_ORDERS}\s+(?:above\s+)?(?:are|is)\s+(?:now\s+)?"
        rf"{_any('cancelled void revoked suspended lifted no_longer_valid')}",
    ),
    "mode": (
        rf"{_any('enter activate enable switch_to go_into turn_on you_are_now_in simulate')}"
        rf"{_SAME}{{0,30}}{_MODE}\s+mode\b",
        r"\bdo\s+anything\s+now\b",
    ),
    "persona": (
        rf"{_any('you_are you.re act_as pretend respond_as become be')}{_SAME}{{0,80}}\b{_WITHOUT}{_LIMITS}",
        rf"{_any('unfiltered uncensored amoral unethical unrestricted jailbroken')}\s+(?:and\s+\w{{1,20}}\s+)?"
        r"(?:ai|assistant|chatbot|bot|model|character|response|answer)",
    ),
    "leak": (
        rf"{_TELL}{_SAME}{{0,40}}{_SECRET}",
        rf"{_any('everything all text words content')}\s+above\b{_SAME}{{0,30}}\bstarting\s+with\b",
    ),
    "obey": (
        rf"{_any('never must_not cannot can.t do_not don.t won.t will_not not_allowed_to')}\s+(?:ever\s+)?"
        rf"{_any('refuse decline say_no say_you_can.t apologi[sz]e break_character')}",
        rf"\b(?:start|begin)\s+(?:your|every|each|all){_SAME}{{0,20}}"
        rf"{_any('reply replies answers? response messages?')}{_SAME}{{0,10}}\bwith\b",
    ),
    "markup": (
        r"</?\s*(?:system|instructions?|admin|important|information)\s*>",
        r"\[\s*(?:/?inst|system[^\]]{0,20})\s*\]",
        r"#{2,}\s*(?:system|instruction|new task)",
        r"<\|im_(?:start|end)\|>|<\s*system mode\s*>",
    ),
    "address": (
        rf"{_any('if_you_are if_you.re when_you_are note_(?:to|for) message_(?:to|for) instructions?_(?:to|for)')}"
        r"\s+(?:an?\s+|the\s+|any\s+|all\s+)?"
        rf"{_any('ai llm (?:large_)?language_model chatbot ai_assistant ai_agent ai_model')}",
    ),
    "hide": (
        rf"{_any('do_not don.t never without')}\s+"
        rf"{_any('tell(?:ing)? inform(?:ing)? mention(?:ing)? show alert notify')}"
        rf"{_SAME}{{0,30}}\bthe\s+user\b",
    ),
    "languages": (
        rf"\b(?:ignorier\w*|vergiss|vergesst|missachte)\b{_SAME}{{0,40}}"
        r"\b(?:anweisung\w*|instruktion\w*|befehl\w*|regeln|alles)\b",
        rf"\b(?:ignore[rz]?|oublie[rz]?)\b{_SAME}{{0,30}}\b(?:instructions|consignes|ce qui précède|règles)\b",
        rf"\b(?:ignora|ignore|olvida|olvide)\b{_SAME}{{0,30}}\b(?:instrucciones|lo anterior|reglas|indicaciones)\b",
        rf"\b(?:ignora|dimentica)\b{_SAME}{{0,30}}\b(?:istruzioni|regole|quanto sopra)\b",
        rf"\b(?:ignore|esqueça|desconsidere)\b{_SAME}{{0,30}}\b(?:instruções|regras)\b",
        rf"\b(?:negeer|vergeet)\b{_SAME}{{0,30}}\b(?:instructies|regels)\b",
        rf"\b(?:zignoruj|zapomnij)\b{_SAME}{{0,30}}\b(?:instrukcj\w+|powyżej)\b",
        rf"\b(?:zaboravi|ignoriraj)\b{_SAME}{{0,30}}\b(?:instrukcij\w+|uput\w+|iznad)\b",
        rf"(?:игнорируй\w*|забудь\w*){_SAME}{{0,40}}(?:инструкци\w+|указани\w+|правил\w*|выше)",
        r"(?:忽略|无视|無視|忘记|忘掉)[^。!?\n]{0,20}(?:指令|指示|说明|规则|提示|内容)",
        r"(?:指示|命令|ルール|上記|内容)[^。\n]{0,12}(?:無視|忘れ)",
        r"(?:지시|지침|명령|규칙|내용)[^.\n]{0,12}(?:무시하고|잊고|잊어)",
        r"(?:تجاهل|انس)[^.\n]{0,30}(?:التعليمات|الأوامر|ما سبق)",
        r"(?:निर्देश|बात|नियम)[^।\n]{0,20}(?:अनदेखा करो|भूल जाओ|भूल जाएं)",
        r"talimat\w*[^.\n]{0,20}(?:yok say|unut|görmezden gel)",
    ),
}
"""Family name to regular expressions; case is ignored, and every repetition of a wildcard is bounded."""

_COMPILED = {name: re.compile("|".join(parts), re.IGNORECASE) for name, parts in FAMILIES.items()}


def families(text: str) -> list[str]:
    """Names of the families with a phrase in the text, in the order above. Meant for a window, not a document."""
    return [name for name, pattern in _COMPILED.items() if pattern.search(text)]
