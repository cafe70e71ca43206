"""What tools print and files hold: logs, stack traces, git, lock files, configuration, tables of numbers."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.bench.ordinary.draw import Draw


def _lines(d: Draw, low: int, high: int, line: Callable[[], str]) -> str:
    return "\n".join(line() for _ in range(d.number(low, high)))


def application_log(d: Draw) -> str:
    """Lines of a service."""
    return _lines(
        d,
        3,
        8,
        lambda: (
            f"{d.stamp()} {d.one('INFO', 'WARN', 'ERROR', 'DEBUG')} [{d.word()}-{d.number(1, 32)}] {d.cls()}:{d.number(9, 900)} - {d.name()} took {d.number(1, 9000)} ms (id={d.digits(d.number(4, 19))}, request={d.uuid()})"
        ),
    )


def structured_log(d: Draw) -> str:
    """JSON lines."""
    return _lines(
        d,
        2,
        5,
        lambda: json.dumps(
            {
                "ts": float(f"17{d.digits(8)}.{d.digits(3)}"),
                "level": d.one("info", "error"),
                "msg": f"{d.name()} done",
                "trace_id": d.hex(32),
                "span_id": d.hex(16),
                "elapsed_ns": int(d.digits(d.number(6, 12))),
                "pid": d.number(1, 65535),
            }
        ),
    )


def access_log(d: Draw) -> str:
    """Requests from this machine."""
    return _lines(
        d,
        3,
        6,
        lambda: (
            f'127.0.0.1 - - [{d.number(1, 28):02}/{d.one("Jan", "May", "Nov")}/2025:{d.clock()} +0000] "{d.one("GET", "POST")} /{d.word()}/{d.digits(d.number(1, 12))}?ts={d.epoch()} HTTP/1.1" {d.number(200, 504)} {d.digits(d.number(2, 7))} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{d.number(90, 130)}.0.{d.number(1000, 7000)}.{d.number(10, 200)} Safari/537.36"'
        ),
    )


def kernel_log(d: Draw) -> str:
    """dmesg."""
    return _lines(
        d,
        3,
        6,
        lambda: (
            f"[{d.number(1, 99999):>8}.{d.number(0, 999999):06}] {d.one('usb 1-1.4', 'EXT4-fs (sda1)', 'pci 0000:00:1f.3', 'audit')}: {d.one('new device', 'mounted', 'BAR 0', 'type=1400')} [mem 0x{d.hex(8)}-0x{d.hex(8)} 64bit] {d.word()}={d.number(0, 99)}"
        ),
    )


def python_trace(d: Draw) -> str:
    """A traceback."""
    frames = _lines(
        d,
        2,
        5,
        lambda: (
            f'  File "/usr/lib/python3.{d.number(9, 13)}/site-packages/{d.package()}/{d.word()}.py", line {d.number(1, 3000)}, in {d.name()}\n    {d.word()} = self.{d.name()}(*args, **kwargs)'
        ),
    )
    return f"Traceback (most recent call last):\n{frames}\n{d.one('ValueError', 'KeyError', 'sqlalchemy.exc.IntegrityError', 'TypeError')}: {d.one('invalid literal for int() with base 10:', 'unexpected key', 'password cannot be longer than 72 bytes,')} '{d.hex(d.number(3, 20))}'"


def java_trace(d: Draw) -> str:
    """A Java stack trace."""
    frames = _lines(
        d, 3, 7, lambda: f"\tat com.acme.{d.word()}.{d.cls()}.{d.name()}({d.cls()}.java:{d.number(1, 2000)})"
    )
    return f'Exception in thread "pool-{d.number(1, 9)}-thread-{d.number(1, 64)}" java.lang.IllegalStateException: {d.word()} {d.digits(d.number(3, 18))} is closed\n{frames}\nCaused by: java.net.ConnectException: Connection refused: localhost/127.0.0.1:{d.number(1024, 9999)}\n\t... {d.number(2, 60)} more'


def go_panic(d: Draw) -> str:
    """A panic with addresses."""
    return f"panic: runtime error: index out of range [{d.number(1, 99)}] with length {d.number(0, 9)}\n\ngoroutine {d.number(1, 9999)} [running]:\nmain.{d.name()}({{0xc{d.hex(9)}, 0x{d.hex(2)}, 0x{d.hex(2)}}}, 0x{d.hex(8)})\n\t/home/build/{d.path()}:{d.number(1, 900)} +0x{d.hex(3)}\nexit status 2"


def node_trace(d: Draw) -> str:
    """A JavaScript error."""
    return (
        f"TypeError: Cannot read properties of undefined (reading '{d.word()}')\n"
        + _lines(
            d,
            2,
            5,
            lambda: (
                f"    at {d.one('async ', '')}{d.name()} (webpack-internal:///./{d.path()}:{d.number(1, 900)}:{d.number(1, 120)})"
            ),
        )
        + f"\nNode.js v{d.semver()}"
    )


def rust_error(d: Draw) -> str:
    """What the compiler says."""
    line = d.number(10, 400)
    return f"error[E0{d.number(100, 700)}]: cannot borrow `*self` as mutable because it is also borrowed as immutable\n  --> {d.path()}:{line}:{d.number(1, 80)}\n   |\n{line} |     let {d.word()} = &self.{d.word()}s[{d.number(0, 9)}..{d.number(10, 99)}];\n   |                 ^^^^ immutable borrow occurs here\nhelp: consider cloning, see rustc --explain E0502"


def git_log(d: Draw) -> str:
    """Commits without their authors."""
    return _lines(
        d,
        3,
        8,
        lambda: (
            f"* {d.hex(7)} ({d.number(2, 60)} {d.one('hours', 'days', 'weeks')} ago) {d.one('fix', 'feat', 'chore', 'docs')}({d.word()}): {d.name()} for #{d.number(1, 99999)}"
        ),
    )


def git_diff(d: Draw) -> str:
    """A patch."""
    path = d.path()
    return f"diff --git a/{path} b/{path}\nindex {d.hex(7)}..{d.hex(7)} 100644\n--- a/{path}\n+++ b/{path}\n@@ -{d.number(1, 900)},{d.number(3, 20)} +{d.number(1, 900)},{d.number(3, 20)} @@ def {d.name()}(self):\n-    timeout = {d.number(1, 90)}\n+    timeout = {d.number(91, 900)}  # see {d.hex(40)}\n     return self.{d.name()}(timeout, {d.decimal()})"


def git_status(d: Draw) -> str:
    """What git prints on push and on conflict."""
    return f"To github.com:acme/{d.word()}-{d.word()}.git\n   {d.hex(9)}..{d.hex(9)}  main -> main\n ! [rejected]        {d.word()}/{d.number(100, 9999)} -> {d.word()} (non-fast-forward)\nCounting objects: 100% ({d.number(10, 9999)}/{d.number(10, 9999)}), {d.number(1, 99)}.{d.number(10, 99)} MiB | {d.number(1, 9)}.{d.number(10, 99)} MiB/s, done.\nremote: {d.one('Resolving deltas', 'Compressing objects')}: 100% ({d.number(1, 900)}/{d.number(1, 900)})"


def npm_lock(d: Draw) -> str:
    """package-lock.json."""
    return _lines(
        d,
        2,
        4,
        lambda: (
            f'    "node_modules/{d.one("", "@types/", "@babel/")}{d.package()}": {{\n      "version": "{d.semver()}",\n      "resolved": "https://packages.example.org/{d.package()}/-/{d.package()}-{d.semver()}.tgz",\n      "integrity": "sha512-{d.base64(64)}"\n    }},'
        ),
    )


def cargo_lock(d: Draw) -> str:
    """Cargo.lock."""
    return _lines(
        d,
        2,
        4,
        lambda: (
            f'[[package]]\nname = "{d.package()}"\nversion = "{d.semver()}"\nsource = "registry+https://github.com/example-org/cargo-index"\nchecksum = "{d.hex(64)}"\n'
        ),
    )


def go_sum(d: Draw) -> str:
    """go.sum."""
    return _lines(
        d,
        3,
        6,
        lambda: (
            f"github.com/acme/{d.package()} v{d.semver()}{d.one('', f'-0.2024{d.digits(10)[:10]}-{d.hex(12)}')}{d.one('', '/go.mod')} h1:{d.base64(32)}"
        ),
    )


def pip_output(d: Draw) -> str:
    """pip and requirements with hashes."""
    return (
        _lines(
            d,
            2,
            4,
            lambda: (
                f"{d.package()}=={d.version()} \\\n    --hash=sha256:{d.hex(64)} \\\n    --hash=sha256:{d.hex(64)}"
            ),
        )
        + f"\nDownloading {d.package()}-{d.semver()}-cp3{d.number(9, 13)}-cp3{d.number(9, 13)}-manylinux_2_17_x86_64.whl ({d.number(1, 99)}.{d.number(1, 9)} MB)"
    )


def docker_output(d: Draw) -> str:
    """Images and containers."""
    return (
        _lines(
            d,
            2,
            4,
            lambda: (
                f'{d.hex(12)}   {d.package()}:{d.semver()}-alpine   "/docker-entrypoint.…"   {d.number(2, 50)} hours ago   Up {d.number(2, 50)} minutes   0.0.0.0:{d.number(1000, 9999)}->{d.number(80, 9999)}/tcp   {d.word()}_{d.word()}_{d.number(1, 9)}'
            ),
        )
        + f"\nDigest: sha256:{d.hex(64)}\n#{d.number(3, 30)} DONE {d.number(0, 99)}.{d.number(1, 9)}s"
    )


def kubernetes(d: Draw) -> str:
    """A manifest that takes its secrets from elsewhere."""
    return f'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {d.word()}-{d.word()}\n  uid: {d.uuid()}\n  resourceVersion: "{d.digits(d.number(6, 10))}"\nspec:\n  replicas: {d.number(1, 40)}\n  template:\n    spec:\n      containers:\n        - image: registry.internal/{d.word()}:{d.semver()}@sha256:{d.hex(64)}\n          resources: {{limits: {{cpu: {d.number(100, 4000)}m, memory: {d.number(64, 8192)}Mi}}}}\n          env:\n            - name: DB_PASSWORD\n              valueFrom: {{secretKeyRef: {{name: {d.word()}-db, key: password}}}}\n            - {{name: TIMEOUT_MS, value: "{d.number(100, 90000)}"}}'


def pods(d: Draw) -> str:
    """kubectl get pods."""
    return "NAME  READY  STATUS  RESTARTS  AGE\n" + _lines(
        d,
        3,
        7,
        lambda: (
            f"{d.word()}-{d.word()}-{d.hex(9)}-{d.hex(5)}  {d.number(0, 2)}/2  {d.one('Running', 'CrashLoopBackOff', 'Pending')}  {d.number(0, 400)} ({d.number(1, 59)}m ago)  {d.number(1, 99)}d{d.number(1, 23)}h"
        ),
    )


def pipeline(d: Draw) -> str:
    """A CI workflow with secrets by name."""
    return f"on:\n  schedule: [{{cron: '{d.number(0, 59)} {d.number(0, 23)} * * {d.number(0, 6)}'}}]\njobs:\n  {d.word()}:\n    runs-on: ubuntu-{d.one('22.04', '24.04')}\n    strategy: {{matrix: {{version: ['3.{d.number(9, 11)}', '3.{d.number(12, 14)}', {d.number(16, 22)}.x]}}}}\n    steps:\n      - uses: actions/checkout@v{d.number(3, 5)}\n      - uses: actions/cache@{d.hex(40)}\n        with: {{key: \"${{{{ runner.os }}}}-{d.word()}-${{{{ hashFiles('**/*.lock') }}}}\"}}\n      - run: make {d.word()} RETRIES={d.number(1, 9)}\n        env: {{API_TOKEN: '${{{{ secrets.API_TOKEN }}}}'}}"


def terraform(d: Draw) -> str:
    """Infrastructure as code."""
    return f'resource "aws_instance" "{d.word()}" {{\n  ami           = "ami-0{d.hex(16)}"\n  instance_type = "t3.{d.one("micro", "large")}"\n  subnet_id     = "subnet-{d.hex(17)}"\n  password      = var.{d.word()}_password\n  tags = {{ Name = "{d.word()}-{d.number(1, 99)}", arn = "arn:aws:iam::{d.digits(12)}:role/{d.word()}-role" }}\n}}\nterraform {{ required_version = ">= {d.semver()}" }}'


def dotenv(d: Draw) -> str:
    """A template of settings, with nothing filled in."""
    return f"# copy to .env and fill in\nDATABASE_URL=postgres://user:password@localhost:5432/{d.word()}\nSECRET_KEY=changeme\nAPI_KEY=your-api-key-here\nSTRIPE_KEY=<your key>\nSENTRY_DSN=\nCACHE_TTL={d.number(10, 90000)}\nFEATURE_{d.word().upper()}={d.one('true', 'false', '0')}\nBUILD_ID={d.hex(12)}\nREDIS_URL=redis://localhost:{d.number(6000, 6999)}/{d.number(0, 15)}"


def api_reply(d: Draw) -> str:
    """A JSON document."""
    rows = [
        {
            "id": int(d.digits(d.number(3, 18))),
            "ref": d.uuid(),
            "created": d.stamp(),
            "updated_ms": int(d.epoch()),
            "sku": f"{d.word()[:3].upper()}-{d.number(100, 99999)}-{d.hex(2).upper()}",
            "price": d.number(1, 99999) / 100,
            "tags": [d.word(), d.word()],
            "etag": f'W/"{d.hex(32)}"',
        }
        for _ in range(d.number(1, 4))
    ]
    return json.dumps(
        {
            "data": rows,
            "next": d.base64(18),
            "count": d.number(1, 9999),
            "token_type": "Bearer",
            "expires_in": d.number(60, 86400),
        },
        indent=d.chance.choice((None, 2)),
    )


def open_api(d: Draw) -> str:
    """An API description with words that secrets stand beside."""
    return f"paths:\n  /{d.word()}s/{{id}}:\n    get:\n      operationId: {d.name()}\n      security: [{{bearerAuth: []}}]\n      parameters: [{{name: api_key, in: header, schema: {{type: string, minLength: {d.number(8, 64)}}}}}]\n      responses: {{'{d.number(200, 504)}': {{description: ok}}}}\ncomponents:\n  schemas:\n    Login: {{properties: {{password: {{type: string, format: password, maxLength: {d.number(32, 256)}}}, phone: {{type: string, pattern: '^\\+[0-9]{{7,15}}$'}}}}}}"


def numbers_table(d: Draw) -> str:
    """CSV with ids, prices and coordinates."""
    sign = d.one(",", ";", "\t", " | ")
    head = sign.join(("id", "day", "units", "price", "lat", "lon", "code"))
    return (
        head
        + "\n"
        + _lines(
            d,
            4,
            10,
            lambda: sign.join(
                (
                    d.digits(d.number(3, 12)),
                    d.date(),
                    d.digits(d.number(1, 5)),
                    f"{d.number(1, 9999)}.{d.number(10, 99)}",
                    f"{d.chance.uniform(-90, 90):.6f}",
                    f"{d.chance.uniform(-180, 180):.6f}",
                    f"{d.hex(3).upper()}{d.number(10, 99)}",
                )
            ),
        )
    )


def matrix(d: Draw) -> str:
    """Rows of plain numbers."""
    return _lines(d, 3, 8, lambda: " ".join(d.digits(d.number(1, 5)) for _ in range(d.number(3, 8))))


def benchmark_table(d: Draw) -> str:
    """Timings in Markdown."""
    return "| case | n | p50 | p99 | ops/s |\n|---|---|---|---|---|\n" + _lines(
        d,
        3,
        6,
        lambda: (
            f"| {d.name()} | {d.digits(d.number(2, 7))} | {d.number(1, 999)}.{d.number(1, 99)} us | {d.number(1, 99)} ms | {d.number(1, 999)},{d.number(100, 999)},{d.number(100, 999)} ± {d.number(1, 9)} % |"
        ),
    )


def hex_dump(d: Draw) -> str:
    """xxd."""
    start = d.number(0, 0xFFF) * 16
    return "\n".join(
        f"{start + 16 * row:08x}: " + " ".join(d.hex(4) for _ in range(8)) + "  ......"
        for row in range(d.number(3, 7))
    )


def test_output(d: Draw) -> str:
    """A test run."""
    return (
        _lines(
            d,
            3,
            6,
            lambda: (
                f"{d.path()}::{d.cls()}::test_{d.name()} {d.one('PASSED', 'FAILED')} [{d.number(1, 100):>3}%]"
            ),
        )
        + f"\nE       assert {d.digits(d.number(2, 10))} == {d.digits(d.number(2, 10))}\n={'=' * 9} {d.number(1, 9)} failed, {d.number(10, 4000)} passed in {d.number(1, 300)}.{d.number(10, 99)}s ==="
    )


def ids(d: Draw) -> str:
    """A list of ids of every sort."""
    return _lines(
        d,
        4,
        9,
        lambda: d.one(
            d.uuid(),
            d.hex(40),
            d.hex(64),
            d.digits(18),
            d.epoch(),
            f"ord_{d.hex(24)}",
            f"{d.number(1000, 9999)}-{d.number(1000, 9999)}-{d.number(10, 99)}",
            f"#{d.digits(d.number(5, 10))}",
            f"INV-20{d.number(18, 26)}-{d.number(1, 99999):05}",
            f"01{d.hex(24).upper()}",
            f"JIRA-{d.number(1, 9999)}",
            f"sha256:{d.hex(64)}",
            f"md5:{d.hex(32)}",
        ),
    )


def process_list(d: Draw) -> str:
    """ps and top."""
    return "  PID USER      PR  NI    VIRT    RES  %CPU     TIME+ COMMAND\n" + _lines(
        d,
        3,
        6,
        lambda: (
            f"{d.number(1, 65535):>5} {d.one('root', 'www-data', 'app')} 20 0 {d.digits(7)} {d.digits(5)} {d.number(0, 99)}.{d.number(0, 9)} {d.number(0, 400)}:{d.number(10, 59)}.{d.number(10, 99)} {d.package()} --port={d.number(1024, 9999)}"
        ),
    )


def metrics(d: Draw) -> str:
    """An exposition of metrics."""
    return _lines(
        d,
        3,
        7,
        lambda: (
            f'{d.word()}_{d.word()}_seconds_bucket{{le="{d.number(0, 9)}.{d.number(1, 99)}",path="/{d.word()}/:id"}} {d.digits(d.number(1, 9))}{d.one("", " " + d.epoch()[:13])}'
        ),
    )


def versions(d: Draw) -> str:
    """Versions of everything."""
    return f"Windows {d.one('10.0.19045.3803', '11 build 22631.2861')}, driver {d.number(20, 40)}.0.{d.number(10, 101)}.{d.number(1000, 9999)}, Chrome {d.number(90, 130)}.0.{d.number(1000, 7000)}.{d.number(10, 200)}, {d.package()} {d.version()}, firmware v{d.version()}, requires {d.package()}>={d.version()},<{d.number(2, 9)} and {d.package()}~={d.semver()}; OID 1.3.6.1.4.1.{d.number(1, 50000)}.{d.number(1, 9)}"


def mathematics(d: Draw) -> str:
    """Formulas and sequences."""
    return d.one(
        f"\\int_0^{{{d.number(1, 9)}}} x^{{{d.number(2, 9)}}} e^{{-{d.number(1, 9)}x}} \\, dx \\approx {d.decimal()}",
        f"Find n such that {d.number(2, 99)}n + {d.number(2, 999)} ≡ {d.number(0, 99)} (mod {d.number(100, 9999)}), and check {d.digits(6)} * {d.digits(5)} = {d.digits(11)}",
        f"sequence: {', '.join(str(d.number(1, 9) * k * k + k) for k in range(3, 14))}; pi to 30 digits is 3.14159265358979 32384626433832 79",
        f"2^{d.number(60, 127)} - 1 and the factors of {d.digits(d.number(12, 20))}; 16! = 20922789888000; e^(i*pi) + 1 = 0",
        f"A = [[{d.number(0, 9)}, {d.number(0, 99)}], [{d.number(0, 99)}, -{d.number(1, 9)}]], A@B.T @ x, eigenvalues {d.decimal()} and {d.decimal()}",
    )


def fingerprints(d: Draw) -> str:
    """Public keys and fingerprints: nothing secret."""
    return d.one(
        f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{d.base64(24)} deploy",
        f"2048 SHA256:{d.base64(32).rstrip('=')} (RSA)",
        f"-----BEGIN CERTIFICATE-----\n{d.base64(48)}\n{d.base64(48)}\n-----END CERTIFICATE-----",
        f"-----BEGIN PUBLIC KEY-----\n{d.base64(48)}\n-----END PUBLIC KEY-----",
        "fingerprint " + ":".join(d.hex(2) for _ in range(16)),
        f'Set-Cookie: theme={d.word()}; Max-Age={d.number(60, 90000)}; ETag: "{d.hex(20)}"; x-request-id: {d.uuid()}',
        f"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA{d.base64(120)}",
    )


ALL: tuple[Callable[[Draw], str], ...] = (
    application_log, structured_log, access_log, kernel_log, python_trace, java_trace, go_panic, node_trace, rust_error,
    git_log, git_diff, git_status, npm_lock, cargo_lock, go_sum, pip_output, docker_output, kubernetes, pods, pipeline,
    terraform, dotenv, api_reply, open_api, numbers_table, matrix, benchmark_table, hex_dump, test_output, ids,
    process_list, metrics, versions, mathematics, fingerprints,
)  # fmt: skip
"""Every generator of outputs and files."""
