"""Makes a database as an older version left it: `make.py DUMPS NAME`, run with that version's code on the path.

Writes DUMPS/NAME.sqlite.sql, DUMPS/NAME.postgresql.sql (from the schema `made` of the database `test`) and
DUMPS/NAME.json: the traces as that version read them.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from proxy.document import document
from proxy.store.db import open_store
from proxy.store.queries import get_trace
from proxy.store.reviews import NewReview, add_review
from tests.proxy.exchanges import masked

KEY = b"k" * 32
POSTGRES = "postgresql+psycopg://root@127.0.0.1:5432/test?options=-csearch_path%3Dmade"


def documents() -> list[dict]:
    """A plain trace, a long chat and one of hostile text."""
    plain, long, hostile = (document(masked(each)) for each in ("plain", "long", "hostile"))
    long["request"]["messages"] = [{"role": "user", "content": f"{n} " + "word " * 200} for n in range(6)]
    long["tool_calls"] = [
        {"call_id": "c1", "name": "f", "arguments": "{}", "result": "12 degrees", "state": "answered"}
    ]
    long["retrieval"] = [{"rank": 1, "doc_id": "d1", "score": 0.5, "text": "a passage", "source": "tool"}]
    hostile["request"]["messages"][0]["content"] = (
        "<script>alert(1)</script>'; DROP TABLE span;-- \0\ud800\u202e\x1b[31m"
    )
    hostile["model"] = "m\0\ud800=cmd|' /C calc'!A0"
    return [plain, long, hostile]


def fill(url: str) -> dict[str, dict]:
    """Write everything; returns it as it is read."""
    store = open_store(url, KEY)
    told = documents()
    assert store.write(told) == []
    add_review(store, told[0]["id"], NewReview("pass", "ada", "fine; '\"\\"))
    found = {one["id"]: get_trace(store, one["id"]) for one in told}
    with store.begin() as connection:
        connection.execute(text("UPDATE span SET preview = preview"))
    store.close()
    return found


def main(folder: Path, name: str) -> None:
    """Both databases, and what is in them."""
    file = folder / f"{name}.sqlite3"
    found = {"sqlite": fill(f"sqlite:///{file}")}
    connection = sqlite3.connect(file)
    (folder / f"{name}.sqlite.sql").write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")
    connection.close()
    for left in folder.glob(f"{name}.sqlite3*"):
        left.unlink()
    psql = ["psql", "-q", "-h", "127.0.0.1", "-U", "root", "test", "-c"]
    subprocess.run([*psql, "CREATE SCHEMA made"], check=True)
    try:
        found["postgresql"] = fill(POSTGRES)
        dump = ["pg_dump", "-h", "127.0.0.1", "-U", "root", "--inserts", "--no-owner", "-n", "made", "test"]
        told = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*psql, "DROP SCHEMA made CASCADE"], check=True, capture_output=True)
    left_out = re.compile(r"^(\\|SET |SELECT pg_catalog|CREATE SCHEMA|--).*\n", re.M)
    sql = re.sub(r"\n{2,}", "\n", left_out.sub("", told.replace("made.", "")))
    (folder / f"{name}.postgresql.sql").write_text(sql, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2])
