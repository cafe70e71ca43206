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

_SENSITIVE_NAME = (
    "api[_. -]?keys?|api[_. -]?secret|api[_. -]?token|secret[_. -]?key(?:_base)?|access[_. -]?key"
    "|access[_. -]?token|auth[_. -]?token|auth[_. -]?key|client[_. -]?secret|app[_. -]?(?:secret|key)"
    "|consumer[_. -]?secret|private[_. -]?key|encryption[_. -]?key|crypt[_. -]?key"
    "|signing[_. -]?(?:key|secret)|webhook[_. -]?secret|refresh[_. -]?token|bearer[_. -]?token"
    "|session[_. -]?(?:secret|key)|jwt[_. -]?secret|hmac[_. -]?(?:key|secret)|master[_. -]?key"
    "|service[_. -]?key|server[_. -]?key|account[_. -]?key|shared[_. -]?key|subscription[_. -]?key"
    "|licen[cs]e[_. -]?key|credentials?"
)
_NAMED = f"(?i:{_SENSITIVE_NAME}|secret|token)(?:[_-](?:[a-zA-Z]{{2,8}}|v?[0-9]{{1,2}}))?"
_PASSWORD_NAME = (
    "password|passwd|passphrase|passcode|pwd|[_.-]pass|passwort|kennwort|contraseña|senha|mot de passe"
    "|wachtwoord|пароль|密码|密碼|パスワード|비밀번호"
)
_SAYS = r"""\\?["'`]?\]?[ \t]{0,4}(?:=>|:=|={1,2}|:|：|\bis\b|\bwas\b|\bist\b|\bes\b)[ \t]{0,4}"""
_GIVEN = r"""["']?,?\s{1,20}["']?(?i:value)["']?[ \t]{0,2}[:=][ \t]{0,2}["']?"""
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
        "URL_PASSWORD",
        "password in a URL, of databases too",
        r"""[A-Za-z][A-Za-z0-9+.-]{1,24}://[^\s:/@"'<>]{0,64}:([^\s/@"'<>]{3,128})@[A-Za-z0-9_.\[$-]""",
        1,
        "url",
        trigger=r"""://[^\s:/@"'<>]{0,64}:[^\s/@"'<>]""",
    ),
)

_PASSWORDS = (
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON, XML or a sentence",
        rf"""(?i:{_PASSWORD_NAME}){_SAYS}\\?["'`]([^"'`\s\\]{{6,128}})\\?["'`]""",
        1,
        "quoted_password",
        0.8,
        trigger=rf"""(?i:{_PASSWORD_NAME}){_SAYS}\\?["'`][^"'`\s\\]{{6}}""",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON, XML or a sentence",
        rf"""(?i:{_PASSWORD_NAME}){_SAYS}([^\s"'`,;<>&\\(){{}}\[\]]{{6,128}})""",
        1,
        "password",
        0.7,
        trigger=rf"""(?i:{_PASSWORD_NAME}){_SAYS}[^\s"'`,;<>&\\(){{}}\[\]]{{6}}""",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON, XML or a sentence",
        r"""<[A-Za-z:._-]{0,24}(?i:password|passwd|passphrase|pwd)>([^<>\s]{6,128})</""",
        1,
        "quoted_password",
        0.8,
        trigger=r"(?i:password|passwd|passphrase|pwd)>[^<>\s]{6}",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON, XML or a sentence",
        rf"""(?i:password|passwd|passphrase|pwd){_GIVEN}([^\s"'`,;<>\\{{}}]{{6,128}})""",
        1,
        "quoted_password",
        0.8,
        trigger=rf"(?i:password|passwd|passphrase|pwd){_GIVEN}",
    ),
    SecretKind(
        "PASSWORD",
        "password in an assignment, JSON, XML or a sentence",
        r"""(?i:define)\([ ]?["'][A-Z_]{0,24}(?:PASSWORD|PASS|PWD)["'],[ ]{0,4}["']([^"'\s]{6,128})["']""",
        1,
        "quoted_password",
        0.8,
        trigger=r"""(?:PASSWORD|PASS|PWD)["'],[ ]{0,4}["']""",
    ),
    SecretKind(
        "SQL_PASSWORD",
        "password in a database statement",
        r"(?i:identified by|password)[ ]{1,2}'([^'\s]{6,128})'",
        1,
        "quoted_password",
        0.85,
        trigger=r"(?i:identified by|password)[ ]{1,2}'",
    ),
    SecretKind(
        "NETRC_PASSWORD",
        "login in a .netrc",
        r"\blogin\s{1,4}[A-Za-z0-9._@+-]{1,48}\s{1,8}password\s{1,4}([^\s\"']{6,128})",
        1,
        "password",
        0.85,
        trigger=r"\blogin\s{1,4}[A-Za-z0-9._@+-]{1,48}\s{1,8}password\s",
    ),
    SecretKind(
        "COMMAND_LINE_PASSWORD",
        "password given to a command",
        r"""(?:[ \t]-u|--(?:proxy-)?user)[ =]{0,2}["']?[A-Za-z0-9._@+-]{1,64}:([^\s"'<>|;&]{6,128})""",
        1,
        "password",
        0.8,
        trigger=r"""(?:[ \t]-u|-user)[ =]{0,2}["']?[A-Za-z0-9._@+-]{1,64}:[^\s]""",
    ),
    SecretKind(
        "COMMAND_LINE_PASSWORD",
        "password given to a command",
        r"""(?:--[a-z-]{0,16}(?:password|passwd|passphrase|pass|pwd)|sshpass -p)[ \t]{1,4}["']?"""
        r"""([^\s"'`<>|;&]{6,128})""",
        1,
        "password",
        0.8,
        trigger=r"(?:--[a-z-]{0,16}(?:password|passwd|passphrase|pass|pwd)|sshpass -p)[ \t]{1,4}[^\s-]",
    ),
    SecretKind(
        "COMMAND_LINE_PASSWORD",
        "password given to a command",
        r"""\bmysql[a-z]{0,6}[ ][^\n|;<>]{0,40}[ ]-p["']?([^\s"'`<>|;&]{6,64})""",
        1,
        "password",
        0.8,
        trigger=r"\bmysql[a-z]{0,6}[ ][^\n|;<>]{0,40}[ ]-p[^\s]",
    ),
)

_VALUES = (
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        rf"{_NAMED}{SEPARATOR}([A-Za-z0-9_+/.~-]{{16,256}}={{0,2}})",
        1,
        "random",
        0.7,
        trigger=rf"{_NAMED}{SEPARATOR}[A-Za-z0-9_+/.~-]{{16}}",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        rf"(?i:{_SENSITIVE_NAME}){SEPARATOR}([A-Za-z0-9_+/.~-]{{12,15}})",
        1,
        "random",
        0.65,
        trigger=rf"(?i:{_SENSITIVE_NAME}){SEPARATOR}[A-Za-z0-9_+/.~-]{{12}}",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        rf"""{_NAMED}\\?["'`]?\]?[ \t]{{0,4}}[=:][ \t]{{0,4}}\\?["'`]([^"'`\s\\]{{16,256}})\\?["'`]""",
        1,
        "quoted_random",
        0.7,
        trigger=rf"""{_NAMED}\\?["'`]?\]?[ \t]{{0,4}}[=:][ \t]{{0,4}}\\?["'`][^"'`\s\\]{{16}}""",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        rf"""(?i:key|secret|token){_GIVEN}([A-Za-z0-9_+/.~-]{{16,256}}={{0,2}})""",
        1,
        "random",
        0.7,
        trigger=rf"""(?i:key|secret|token){_GIVEN}[A-Za-z0-9_+/.~-]{{16}}""",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        r"""(?i:--[a-z-]{0,16}(?:token|key|secret))[ \t]{1,4}["']?([A-Za-z0-9_+/.~-]{16,256}={0,2})""",
        1,
        "random",
        0.7,
        trigger=r"""(?i:--[a-z-]{0,16}(?:token|key|secret))[ \t]{1,4}["']?[A-Za-z0-9_+/.~-]{16}""",
    ),
    SecretKind(
        "GENERIC_SECRET",
        "random value given to a name such as api_key, token or client_secret",
        r"<[A-Za-z:._-]{0,24}(?i:key|secret|token)>([A-Za-z0-9_+/.~-]{16,256}={0,2})</",
        1,
        "random",
        0.7,
        trigger=r"(?i:key|secret|token)>[A-Za-z0-9_+/.~-]{16}",
    ),
)

KINDS = (*_KEYS, *_FRAMEWORKS, *_HEADERS, *_PASSWORDS, *_VALUES)
"""Kinds of this file."""
