"""Secrets of no single provider: private keys, passwords, headers, and values given to a telling name."""

from __future__ import annotations

from guardrails.checks.secret_kinds.kind import SEPARATOR, SecretKind, keyed, open_ended, token

_PEM_GAP = r"""(?:\s|\\[nrt]|["'+,])*"""

_KEYS = (
    open_ended(
        "PRIVATE_KEY",
        "PEM, OpenSSH and PGP private keys, also cut off before the end",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_PEM_GAP}(?:Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]{{1,24}},[0-9A-Fa-f]{{16,64}}"
        r"|(?:Version|Comment|Charset|Hash): [^\n\\]{1,80}))*"
        rf"(?:{_PEM_GAP}[A-Za-z0-9+/=]{{20,}})+"
        rf"(?:{_PEM_GAP}[A-Za-z0-9+/=]{{0,19}}{_PEM_GAP}-----END [A-Z0-9 ]{{7,60}}-----)?",
        "PRIVATE KEY",
    ),
    open_ended(
        "ENCODED_PRIVATE_KEY",
        "PEM private key in base64, as in a kubeconfig",
        "LS0tLS1CRUdJTiB(?:SU0EgUFJJVkFURSBLRVkt|FQyBQUklWQVRFIEtFWS0t|QUklWQVRFIEtFWS0t"
        "|PUEVOU1NIIFBSSVZBVEUgS0VZ|FTkNSWVBURUQgUFJJVkFURSBLRVkt)[A-Za-z0-9+/]{20,}={0,2}",
        "LS0tLS1CRUdJTiB[SFQP]",
    ),
    open_ended(
        "SSH2_PRIVATE_KEY",
        "SSH2 private key",
        r"---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----"
        rf"(?:{_PEM_GAP}(?:Comment|Subject): [^\n\\]{{1,80}})*(?:{_PEM_GAP}[A-Za-z0-9+/=]{{20,}})+",
        "BEGIN SSH2 ",
    ),
    open_ended(
        "OPENVPN_STATIC_KEY",
        "OpenVPN static key",
        rf"-----BEGIN OpenVPN Static key V1-----(?:{_PEM_GAP}[0-9a-f]{{16,}})+",
        "OpenVPN Static key",
    ),
    token("PUTTY_PRIVATE_KEY", "PuTTY", r"PuTTY-User-Key-File-\d: [a-z0-9-]{3,24}", "PuTTY-User-Key"),
    open_ended(
        "PUTTY_PRIVATE_KEY",
        "PuTTY",
        r"Private-Lines: \d{1,3}(?:(?:\r?\n|\\n)[A-Za-z0-9+/=]{20,})+",
        "Private-Lines: ",
    ),
    token("AGE_SECRET_KEY", "age", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b", "AGE-SECRET-KEY-1"),
    open_ended(
        "JWT",
        "JSON Web Token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{10,})?",
        r"\.eyJ",
    ),
    SecretKind(
        "JWK_PRIVATE_KEY",
        "private member of a JSON Web Key",
        r'"d"[ \t]{0,4}:[ \t]{0,4}"([A-Za-z0-9_-]{43,700})"',
        1,
        "random",
        0.9,
        r'"d"[ \t]{0,4}:[ \t]{0,4}"[A-Za-z0-9_-]{16}',
    ),
)

_FRAMEWORKS = (
    token(
        "DJANGO_SECRET_KEY",
        "Django",
        r"\bdjango-insecure-[a-z0-9!@#$%^&*()_=+-]{50}",
        "django-insecure-",
    ),
    SecretKind(
        "DJANGO_SECRET_KEY",
        "Django",
        r"""SECRET_KEY[ \t]{0,4}[=:][ \t]{0,4}["']([a-z0-9!@#$%^&*()_=+-]{50})["']""",
        1,
        "random",
        0.9,
        r"""SECRET_KEY[ \t]{0,4}[=:][ \t]{0,4}["'][a-z0-9!@#$%^&*()_=+-]{8}""",
    ),
    SecretKind(
        "LARAVEL_APP_KEY",
        "Laravel",
        r"""APP_KEY[ \t]{0,4}[=:][ \t]{0,4}["']?(base64:[A-Za-z0-9+/]{43}=)""",
        1,
        trigger=r"APP_KEY[^\n]{1,10}base64:",
    ),
    keyed("RAILS_MASTER_KEY", "Ruby on Rails", r"rails_master_key|master\.key", "[0-9a-f]{32}"),
    SecretKind(
        "WORDPRESS_SALT",
        "WordPress",
        r"""["'](?:AUTH|SECURE_AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)["'],[ \t]{0,8}["']([^"'\n]{64})["']""",
        1,
        trigger=r"""(?:AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)["'],""",
    ),
)

_OWNER = (
    "api|access|auth|app|client|consumer|private|encryption|crypt|signing|webhook|refresh|bearer|session|jwt"
    "|hmac|master|service|server|account|shared|subscription|deploy|storage|licen[cs]e|secret"
)
_NAMED = (
    rf"(?i:(?:{_OWNER})[_. -]?(?:keys?|secret|token)|secret|token|credentials)(?:[_-][A-Za-z0-9]{{1,8}})?"
)
_PASSES = "password|passwd|passphrase|pwd"
_PASSWORD_NAME = (
    f"{_PASSES}|passcode|[_.-]pass|passwort|kennwort|contraseña|senha|mot de passe|wachtwoord|пароль|密码|密碼"
    "|パスワード|비밀번호"
)
_SAYS = r"""["'`\\\] \t]{0,13}(?:[=:：]|\bis\b|\bwas\b|\bist\b|\bes\b)[=> \t]{0,13}"""
_GIVEN = r"""["',\s]{1,24}(?i:value)["' \t]{0,13}[:=]["' \t]{0,13}"""
"""Between a name and its value when each has a field: `name: X` and `value: Y`."""

_HEADERS = (
    SecretKind(
        "AUTHORIZATION_HEADER",
        "credentials of an HTTP Authorization header",
        r"(?i:\b(?:bearer|token|apikey|ssws)) {1,2}([A-Za-z0-9._~+/-]{16,500}={0,2})",
        1,
        "random",
        0.85,
        r"(?i:bearer|token|apikey|ssws) {1,2}[A-Za-z0-9._~+/-]{16}",
    ),
    SecretKind(
        "AUTHORIZATION_HEADER",
        "credentials of an HTTP Authorization header",
        r"(?i:\bbasic) {1,2}([A-Za-z0-9+/]{8,500}={0,2})",
        1,
        "basic",
        0.9,
        r"(?i:\bbasic) {1,2}[A-Za-z0-9+/]{8}",
    ),
    SecretKind(
        "AUTHORIZATION_HEADER",
        "credentials of an HTTP Authorization header",
        r"""(?i:authorization["'`\\ ]{0,4}[:=]["'`\\ ]{0,4}basic) {1,2}([A-Za-z0-9+/]{16,500}={0,2})""",
        1,
        "random",
        0.85,
        r"""(?i:authorization["'`\\ ]{0,4}[:=]["'`\\ ]{0,4}basic) """,
    ),
    SecretKind(
        "URL_PASSWORD",
        "password in a URL, of databases too",
        r"""[A-Za-z][A-Za-z0-9+.-]{1,24}://[^\s:/@"'<>]{0,64}:([^\s/@"'<>]{3,128})@[A-Za-z0-9_.\[$-]""",
        1,
        "url",
        trigger=r"""://[^\s:/@"'<>]{0,64}:[^\s/@"'<>]""",
    ),
)


def _beside(entity: str, described: str, regex: str, gate: str, score: float) -> SecretKind:
    """A value beside a name: group 1 of the regex. What leads to it and its first six characters trigger it."""
    before, _, after = regex.rpartition("([")
    trigger = f"{before}[{after[: after.index(']{')]}]{{6}}"
    return SecretKind(entity, described, regex, 1, gate, score, trigger)


def _password(regex: str, gate: str = "quoted_password", score: float = 0.8) -> SecretKind:
    """A password beside a name that says so."""
    return _beside("PASSWORD", "password in an assignment, JSON, XML or a sentence", regex, gate, score)


def _given(regex: str) -> SecretKind:
    """A password among the arguments of a command."""
    return _beside("COMMAND_LINE_PASSWORD", "password given to a command", regex, "password", 0.8)


def _value(regex: str, gate: str = "random") -> SecretKind:
    """A random value beside a telling name."""
    described = "random value given to a name such as api_key, token or client_secret"
    return _beside("GENERIC_SECRET", described, regex, gate, 0.7)


_PASSWORDS = (
    _password(rf"""(?i:{_PASSWORD_NAME}){_SAYS}\\?["'`]([^"'`\s\\]{{6,128}})\\?["'`]"""),
    _password(rf"""(?i:{_PASSWORD_NAME}){_SAYS}([^\s"'`,;<>&\\(){{}}\[\]]{{6,128}})""", "password", 0.7),
    _password(rf"<[A-Za-z:._-]{{0,24}}(?i:{_PASSES})>([^<>\s]{{6,128}})</"),
    _password(rf"""(?i:{_PASSES}){_GIVEN}([^\s"'`,;<>\\{{}}]{{6,128}})"""),
    _password(r"""(?i:define)\([ ]?["'][A-Z_]{0,24}PASS(?:WORD)?["'],[ ]{0,4}["']([^"'\s]{6,128})["']"""),
    _beside(
        "SQL_PASSWORD",
        "password in a database statement",
        r"(?i:identified by|password)[ ]{1,2}'([^'\s]{6,128})'",
        "quoted_password",
        0.85,
    ),
    _beside(
        "NETRC_PASSWORD",
        "login in a .netrc",
        r"\blogin\s{1,4}[A-Za-z0-9._@+-]{1,48}\s{1,8}password\s{1,4}([^\s\"']{6,128})",
        "password",
        0.85,
    ),
    _given(r"""(?:\B-u|--(?:proxy-)?user)[ =]{0,2}["']?[A-Za-z0-9._@+-]{1,64}:([^\s"'<>|;&]{6,128})"""),
    _given(
        rf"""(?:--[a-z-]{{0,16}}(?:{_PASSES}|pass)|sshpass -p)[ \t]{{1,13}}["']?([^\s"'`<>|;&]{{6,128}})"""
    ),
    _given(r"""\bmysql[a-z]{0,13}[ ][^\n|;<>]{0,40}[ ]-p["']?([^\s"'`<>|;&]{6,64})"""),
)

_RANDOM = "([A-Za-z0-9_+/.~-]{12,256}={0,2})"
_VALUES = (
    _value(rf"{_NAMED}{SEPARATOR}{_RANDOM}"),
    _value(
        rf"""{_NAMED}["'`\\\] \t]{{0,13}}[=:][ \t]{{0,13}}["'`]([^"'`\s\\]{{16,256}})["'`]""",
        "quoted_random",
    ),
    _value(rf"(?i:key|secret|token){_GIVEN}{_RANDOM}"),
    _value(rf"""(?i:--[a-z-]{{0,16}}(?:token|key|secret))[ \t]{{1,13}}["']?{_RANDOM}"""),
    _value(rf"<[A-Za-z:._-]{{0,24}}(?i:key|secret|token)>{_RANDOM}</"),
)

KINDS = (*_KEYS, *_FRAMEWORKS, *_HEADERS, *_PASSWORDS, *_VALUES)
"""Kinds of this file."""
