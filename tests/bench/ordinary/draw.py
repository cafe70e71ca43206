"""Small things that ordinary texts are full of: names, ids, hashes, clocks, versions. None of them is private."""

from __future__ import annotations

import base64
from random import Random

WORDS = [
    "order",
    "invoice",
    "cart",
    "user",
    "session",
    "report",
    "payment",
    "widget",
    "search",
    "queue",
    "worker",
    "cache",
    "batch",
    "index",
    "ledger",
    "parser",
    "render",
    "shard",
    "profile",
    "theme",
    "upload",
    "export",
    "metric",
    "event",
    "schema",
    "tenant",
    "token",
    "route",
    "filter",
    "layout",
    "socket",
    "buffer",
    "cursor",
    "chunk",
]
VERBS = [
    "get",
    "load",
    "parse",
    "build",
    "merge",
    "apply",
    "update",
    "fetch",
    "render",
    "flush",
    "retry",
    "encode",
    "resolve",
    "validate",
    "compute",
    "sort",
    "split",
]
EXTENSIONS = ["py", "ts", "go", "rs", "java", "rb", "cs", "cpp", "sql", "yaml"]
PACKAGES = [
    "left-pad",
    "lodash",
    "react",
    "vite",
    "express",
    "serde",
    "tokio",
    "numpy",
    "pandas",
    "flask",
    "django",
    "requests",
    "rails",
    "sidekiq",
    "spring-core",
    "guava",
    "junit",
    "webpack",
    "eslint",
    "prettier",
    "pytest",
    "mypy",
    "anyhow",
    "clap",
    "chi",
    "gin",
    "zap",
    "cobra",
    "rxjs",
    "zod",
]


class Draw:
    """Draws from a seed."""

    def __init__(self, seed: str) -> None:
        self.chance = Random(seed)

    def one(self, *options: str) -> str:
        """One of some texts."""
        return self.chance.choice(options)

    def number(self, low: int, high: int) -> int:
        """A whole number, ends included."""
        return self.chance.randint(low, high)

    def word(self) -> str:
        """A lower-case noun."""
        return self.chance.choice(WORDS)

    def name(self) -> str:
        """A name in code, in one of the usual styles."""
        verb, noun, more = self.chance.choice(VERBS), self.word(), self.word()
        return self.one(f"{verb}_{noun}", f"{verb}{noun.title()}", f"{noun}{more.title()}", f"{noun}_{more}")

    def cls(self) -> str:
        """A class name."""
        return self.word().title() + self.one(
            "Service", "Factory", "View", "Store", "Error", "Repository", "Test"
        )

    def path(self) -> str:
        """A file in a project."""
        return f"{self.one('src', 'app', 'lib', 'internal', 'pkg', 'tests')}/{self.word()}/{self.name()}.{self.chance.choice(EXTENSIONS)}"

    def package(self) -> str:
        """A package."""
        return self.chance.choice(PACKAGES)

    def hex(self, size: int) -> str:
        """Hexadecimal digits."""
        return "".join(self.chance.choice("0123456789abcdef") for _ in range(size))

    def digits(self, size: int) -> str:
        """Digits, the first not zero."""
        return str(self.chance.randint(1, 9)) + "".join(
            str(self.chance.randint(0, 9)) for _ in range(size - 1)
        )

    def uuid(self) -> str:
        """A random UUID."""
        return "-".join(map(self.hex, (8, 4))) + "-4" + self.hex(3) + "-a" + self.hex(3) + "-" + self.hex(12)

    def base64(self, size: int) -> str:
        """Random bytes in base64."""
        return base64.b64encode(self.chance.randbytes(size)).decode()

    def version(self) -> str:
        """A version of three or four numbers, sometimes a pre-release."""
        parts = [str(self.number(0, 30)) for _ in range(self.number(3, 4))]
        return ".".join(parts) + self.one("", "", "", "-rc.1", "-beta.4", "+build.77", ".dev0")

    def semver(self) -> str:
        """A version of three numbers."""
        return f"{self.number(0, 20)}.{self.number(0, 40)}.{self.number(0, 12)}"

    def date(self) -> str:
        """A day."""
        return f"20{self.number(18, 26)}-{self.number(1, 12):02}-{self.number(1, 28):02}"

    def clock(self) -> str:
        """A time of day."""
        return f"{self.number(0, 23):02}:{self.number(0, 59):02}:{self.number(0, 59):02}"

    def stamp(self) -> str:
        """A date and time, in one of the ways that logs write it."""
        day, hour, small = self.date(), self.clock(), self.number(0, 999)
        return self.one(
            f"{day}T{hour}.{small:03}Z",
            f"{day} {hour},{small:03}",
            f"{day.replace('-', '/')} {hour}",
            f"{day}T{hour}+02:00",
            f"{day} {hour}.{small:03}456",
        )

    def epoch(self) -> str:
        """Seconds, milliseconds, microseconds or nanoseconds since 1970."""
        return f"17{self.digits(8)}" + self.one("", "", self.digits(3), self.digits(6), self.digits(9))

    def decimal(self) -> str:
        """A number with a point."""
        return f"{self.chance.uniform(-100, 100):.{self.number(1, 6)}f}"
