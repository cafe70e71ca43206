"""Secrets of no single provider: keys in armour, passwords as people type them, values given to a telling name."""

from __future__ import annotations

import base64

import pytest

from guardrails.checks.secret_kinds import generic
from tests.guardrails.checks.secret_kinds.examples import Form, example, found, holds, named, unfound

FORMS: list[Form] = [
    ("AGE_SECRET_KEY", "", "AGE-SECRET-KEY-1 U:58"),
    ("LARAVEL_APP_KEY", "APP_KEY=", "base64: b:43 ="),
    ("RAILS_MASTER_KEY", "RAILS_MASTER_KEY=", "h:32"),
]
LINES = "\n".join(example("b:64", line) for line in range(4))
BEGIN, END = "-----BEGIN ", "-----END "
PRIVATE = "PRIVATE KEY"
MODEL = f"{BEGIN}{PRIVATE}-----\n{LINES}\n{example('b:12')}==\n{END}{PRIVATE}-----"
LOGIN = base64.b64encode(b"ada:" + example("A:14").encode()).decode()

# entity, what leads to the secret, the secret, what follows it
BESIDE: list[tuple[str, str, str, str]] = [
    ("PRIVATE_KEY", "", MODEL, ""),
    ("PRIVATE_KEY", '"key": "', MODEL.replace("\n", "\\n"), '\\n"'),
    ("PRIVATE_KEY", "", MODEL.replace(PRIVATE, "RSA " + PRIVATE), "\n"),
    ("PRIVATE_KEY", "", MODEL.replace(f"{PRIVATE}-", f"PGP {PRIVATE} BLOCK-"), "\n"),
    ("ENCODED_PRIVATE_KEY", "client-key-data: ", base64.b64encode(MODEL.encode()).decode(), "\n"),
    ("SSH2_PRIVATE_KEY", "", f"---- BEGIN SSH2 ENCRYPTED {PRIVATE} ----\n{LINES}", "\n"),
    (
        "OPENVPN_STATIC_KEY",
        "",
        f"{BEGIN}OpenVPN Static key V1-----\n{example('h:32')}\n{example('h:32', 2)}",
        "\n",
    ),
    ("PUTTY_PRIVATE_KEY", "", "PuTTY-User-Key-File-3: ssh-ed25519", "\n"),
    ("PUTTY_PRIVATE_KEY", "", f"Private-Lines: 4\n{LINES}", "\nPrivate-MAC"),
    ("JWT", "token: ", f"eyJ{example('w:20')}.eyJ{example('w:40')}.{example('w:43')}", "\n"),
    ("JWT", "", f"eyJ{example('w:20')}.eyJ{example('w:40')}", " and"),
    ("JWK_PRIVATE_KEY", '"kty": "EC", "d": "', example("w:43"), '"'),
    ("DJANGO_SECRET_KEY", "", "django-insecure-" + example("l:50"), "'"),
    ("DJANGO_SECRET_KEY", "SECRET_KEY = '", example("l:24") + "@(" + example("l:24"), "'"),
    ("WORDPRESS_SALT", "define('AUTH_KEY',   '", example("A:30") + "+|" + example("A:32"), "');"),
    ("AUTHORIZATION_HEADER", "Authorization: Bearer ", example("w:40"), "\n"),
    ("AUTHORIZATION_HEADER", "-H 'authorization: token ", example("h:40"), "'"),
    ("AUTHORIZATION_HEADER", "Authorization: ApiKey ", example("A:32"), "\n"),
    ("AUTHORIZATION_HEADER", "Authorization: Basic ", LOGIN, "\n"),
    ("AUTHORIZATION_HEADER", "authorization: basic ", base64.b64encode(b"ada:hunter2").decode(), "\n"),
    ("URL_PASSWORD", "postgres://app:", example("A:12"), "@db.internal:5432/app"),
    ("URL_PASSWORD", "mysql://root:", "s3cr3t" + "Pw", "@127.0.0.1/shop"),
    ("URL_PASSWORD", "mongodb+srv://svc:", example("A:16"), "@cluster0.mongodb.net/?w=majority"),
    ("URL_PASSWORD", "redis://:", example("A:24"), "@cache:6379/0"),
    ("URL_PASSWORD", "amqps://worker:", example("A:10"), "@mq/vhost"),
    ("URL_PASSWORD", "https://oauth2:", example("A:20"), "@gitlab.com/g/p.git"),
    ("PASSWORD", "password: ", "GitHub" + "!23", "\n"),
    ("PASSWORD", "pwd is ", "hunter" + "2!", ""),
    ("PASSWORD", "my password is ", "Summer" + "2024", ", do not tell"),
    ("PASSWORD", "the passphrase was ", "blue-Tiger" + "-77", " then"),
    ("PASSWORD", '"password": "', "Gh!" + "ab12", '"'),
    ("PASSWORD", "'passwd' => '", "Tr0ub4dor" + "&3", "',"),
    ("PASSWORD", '{\\"password\\": \\"', "S3cret" + "Sauce", '\\"}'),
    ("PASSWORD", "DB_PASSWORD=", "hunter" + "2xyz", "\n"),
    ("PASSWORD", "export PGPASSWORD='", "p4ss" + "w0rd!", "'"),
    ("PASSWORD", "spring.datasource.password=", "S3cr3t" + "Pa55", "\n"),
    ("PASSWORD", "smtp.pass: ", "aB3" + "dE6gH", "\n"),
    ("PASSWORD", "MYSQL_PWD=", "r00t" + "Me99", "\n"),
    ("PASSWORD", "login(user='ada', password='", "c0rrect-" + "horse", "')"),
    ("PASSWORD", "Server=db;Database=x;User Id=sa;Password=", "P@55" + "word!x", ";Encrypt=true"),
    ("PASSWORD", "?user=ada&password=", "hunter" + "22x", "&next=/"),
    ("PASSWORD", "<password>", "Tr0ub4" + "dor", "</password>"),
    ("PASSWORD", '<add key="SmtpPassword" value="', "aB3" + "dE6gH", '"/>'),
    ("PASSWORD", "- name: DB_PASSWORD\n  value: ", "aB3" + "dE6gH", "\n"),
    ("PASSWORD", "define('DB_PASSWORD', '", "aB3" + "dE6gH", "');"),
    ("PASSWORD", "Passwort: ", "Sommer" + "2024!", "\n"),
    ("PASSWORD", "contraseña: ", "Verano" + "2024", "\n"),
    ("PASSWORD", "Пароль: ", "qwe" + "rty99Z", "\n"),
    ("PASSWORD", "密码：", "abc" + "D1234", "\n"),
    ("SQL_PASSWORD", "CREATE USER app WITH PASSWORD '", "aB3" + "dE6gH", "';"),
    ("SQL_PASSWORD", "identified by '", "aB3" + "dE6gH", "'"),
    ("NETRC_PASSWORD", "machine api.host login ada password ", "aB3" + "dE6gH", "\n"),
    ("NETRC_PASSWORD", "login ada\n  password ", "aB3" + "dE6gH", "\n"),
    ("COMMAND_LINE_PASSWORD", "curl -u ada:", "aB3" + "dE6gH", " https://x"),
    ("COMMAND_LINE_PASSWORD", 'curl --user "ada:', "aB3" + "dE6gH", '"'),
    ("COMMAND_LINE_PASSWORD", "tool --password ", "aB3" + "dE6gH", " run"),
    ("COMMAND_LINE_PASSWORD", "sshpass -p '", "aB3" + "dE6gH", "' ssh x"),
    ("COMMAND_LINE_PASSWORD", "mysql -u root -p", "aB3" + "dE6gH", " shop"),
    ("GENERIC_SECRET", "api_key = '", example("A:32"), "'"),
    ("GENERIC_SECRET", '"apiKey": "', example("A:20"), '"'),
    ("GENERIC_SECRET", "client_secret: ", example("A:32"), "\n"),
    ("GENERIC_SECRET", "?access_token=", example("A:40"), "&x=1"),
    ("GENERIC_SECRET", "X-Api-Key: ", example("A:24"), "\n"),
    ("GENERIC_SECRET", "export ACME_TOKEN=", example("h:40"), "\n"),
    ("GENERIC_SECRET", 'secret_token = "', example("A:24"), '"'),
    ("GENERIC_SECRET", "API_KEY_PROD=", example("A:24"), "\n"),
    ("GENERIC_SECRET", "client = Acme(api_key='", example("A:24"), "')"),
    ("GENERIC_SECRET", 'variable "api_token" { default = "', "", ""),
    ("GENERIC_SECRET", "- name: API_TOKEN\n  value: ", example("A:24"), "\n"),
    ("GENERIC_SECRET", "acme --api-key ", example("A:24"), " run"),
    ("GENERIC_SECRET", "<apiKey>", example("A:24"), "</apiKey>"),
    ("GENERIC_SECRET", "SECRET = '", example("h:12") + "$%" + example("A:12", 2), "'"),
]
BESIDE = [row for row in BESIDE if row[2]]


@pytest.mark.parametrize(("entity", "lead", "spec"), FORMS, ids=named(FORMS))
def test_a_secret_is_found_whole_and_its_near_misses_are_left(entity: str, lead: str, spec: str) -> None:
    """Two examples in five settings, one that is a character short, and one with a character of no alphabet."""
    holds(entity, lead, spec)


@pytest.mark.parametrize(
    ("entity", "before", "secret", "after"), BESIDE, ids=[f"{row[0]}-{n}" for n, row in enumerate(BESIDE)]
)
def test_the_secret_alone_is_found(entity: str, before: str, secret: str, after: str) -> None:
    """Its name, its quotes and what follows it stay readable."""
    assert found(entity, f"{before}{secret}{after}") == [secret]


def test_every_kind_finds_something_here() -> None:
    """No kind ships without an example that it finds."""
    missing = set(unfound(generic.KINDS, FORMS))

    assert missing <= {entity for entity, _, _, _ in BESIDE}


@pytest.mark.parametrize(
    ("entity", "text"),
    [
        ("PRIVATE_KEY", f"the header {BEGIN}{PRIVATE}----- says so"),
        ("PRIVATE_KEY", MODEL.replace(PRIVATE, "PUBLIC KEY")),
        ("ENCODED_PRIVATE_KEY", base64.b64encode(MODEL.replace(PRIVATE, "CERTIFICATE").encode()).decode()),
        ("JWT", "eyJhbGciOi.x.y"),
        ("URL_PASSWORD", "postgres://user:password@localhost/db"),
        ("URL_PASSWORD", "docker://alpine:3.18@sha256:" + example("h:64")),
        ("URL_PASSWORD", "https://user:${PASSWORD}@host/"),
        ("AUTHORIZATION_HEADER", "Authorization: Bearer <token>"),
        ("AUTHORIZATION_HEADER", "Basic authentication and basic knowledge"),
        ("COMMAND_LINE_PASSWORD", "docker run -u 1000:1000 alpine"),
        ("COMMAND_LINE_PASSWORD", "tool --password $PASSWORD --verbose"),
        ("COMMAND_LINE_PASSWORD", "mysql -u root -p shop"),
        ("NETRC_PASSWORD", "the login page password reset"),
        ("SQL_PASSWORD", "identified by 'password'"),
    ],
)
def test_what_only_looks_like_one_is_left(entity: str, text: str) -> None:
    """Headers without a key, certificates, versions, templates and prose."""
    assert found(entity, text) == []
