"""`guardhouse doctor`: each fault is one finding, and keeps it from looking at nothing else."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from guardrails import embedding
from guardrails.checks import names
from guardrails.errors import ModelError
from proxy import doctor
from proxy.doctor import examine
from tests.servers import Running

MODELS = "model_list: [{model_name: demo, litellm_params: {model: fake/assistant}}]\n"
SUBJECTS = ["python", "config", "policy", "keys", "data", "disk", "database", "prices", "port"]
SUBJECTS += ["names", "spaCy", "encoder"]

Look = Callable[..., dict[str, str]]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """What the doctor says of a configuration, as `level: text` by subject."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDHOUSE_PORT", "0")
    monkeypatch.setattr(embedding, "load", embedding_stands_in)

    def call(text: str | None = MODELS, **given: object) -> dict[str, str]:
        if text is not None:
            Path("guardhouse.yaml").write_text(text)
        found: dict[str, str] = {}
        for each in examine(**given):
            found[each.subject] = (found.get(each.subject, "") + f"\n{each.level}: {each.text}").strip()
        return found

    return call


class embedding_stands_in:
    """An encoder that is there; loading the real one is its own test."""

    name, sha256 = "mini", "0" * 64


def test_a_sound_installation_has_no_errors(look: Look) -> None:
    """Everything is looked at, and nothing is made: neither database nor key."""
    found = look()

    assert list(found) == [*SUBJECTS, "sentence-transformers"]
    assert {subject for subject, text in found.items() if not text.startswith("ok")} == set()
    assert [path.name for path in Path().iterdir()] == ["guardhouse.yaml"]


def test_without_a_configuration_the_rest_is_looked_at(look: Look) -> None:
    """One clear line says which file is missing and how to get one."""
    found = look(None)

    assert found["config"].startswith(
        "error: there is no file guardhouse.yaml. Write one with `guardhouse init`"
    )
    rest = [subject for subject in SUBJECTS[4:] if subject != "prices"]
    assert list(found) == ["python", "config", *rest, "sentence-transformers"]
    assert [subject for subject, text in found.items() if text.startswith("error")] == ["config"]


INLINE = "guardhouse: {policy: {name: p, rules: [{id: a, check: CHECK, stages: [input], action: flag}]}}\n"
FAULTS = [
    ("model_list: [\n", "config", r"error: guardhouse\.yaml:\d+: "),
    (
        "model_list: [{model_name: a, litellm_params: {model: openai/x, api_key: os.environ/GH_NONE}}]\n",
        "config",
        r"error: guardhouse\.yaml:1: .*GH_NONE is not set",
    ),
    (
        MODELS + "general_settings: {}\n",
        "config",
        r"warn: guardhouse\.yaml:2: general_settings has no effect",
    ),
    (
        MODELS + "guardhouse: {redis_url: 'redis://127.0.0.1:1'}\n",
        "redis",
        r"error: Redis cannot be reached \(ConnectionError\)",
    ),
    (MODELS + INLINE.replace("CHECK", "sniff"), "policy", r"error: .*there is no check named 'sniff'"),
    (
        MODELS + INLINE.replace("CHECK", "pii, with: {entities: [NRP]}"),
        "policy",
        r"error: .*NRP needs a language model",
    ),
    (
        "model_list: [{model_name: a, litellm_params: {model: anthropic/x}}]\n",
        "keys",
        r"warn: anthropic/x: no api_key is configured",
    ),
    (
        MODELS + "guardhouse: {data_dir: guardhouse.yaml}\n",
        "data",
        r"error: guardhouse\.yaml is not a folder",
    ),
    (
        MODELS + "guardhouse: {database_url: 'mysql://u:hush@localhost/x'}\n",
        "database",
        r"error: database_url names 'mysql', which is not served",
    ),
    (
        MODELS + "guardhouse: {database_url: 'postgresql://u:hush@db.example.com/x'}\n",
        "database",
        r"warn: postgresql on db\.example\.com was not contacted",
    ),
]


@pytest.mark.parametrize(("config", "subject", "says"), FAULTS)
def test_a_fault_is_one_finding(look: Look, config: str, subject: str, says: str) -> None:
    """It says what is wrong and what to do, never a password, and nothing else is failed for it."""
    found = look(config)

    assert re.search(says, found[subject])
    assert {name for name, text in found.items() if text.startswith("error")} <= {subject}
    assert "hush" not in str(found)


def test_the_data_folder_and_its_database_are_opened(look: Look) -> None:
    """A key of another length and a file that is no database are found before a start fails on them."""
    Path("data").mkdir()
    Path("data/key").write_bytes(b"short")
    Path("data/guardhouse.sqlite3").write_bytes(b"not a database" * 100)

    found = look()

    assert found["data"].startswith("error: data/key has 5 bytes instead of 32.")
    assert found["database"].startswith("error: data/key: the data key has 5 bytes")
    Path("data/key").write_bytes(b"k" * 32)
    assert look()["database"].startswith("error: the database cannot be opened")
    Path("data/guardhouse.sqlite3").write_bytes(b"")
    found = look()
    assert found["data"] == "ok: data is writable"
    assert found["database"] == "ok: sqlite answers, its schema is up to date"
    Path("data/key").write_bytes(b"x" * 32)
    assert "another data key" in look()["database"]
    Path("data/key").unlink()
    assert look()["database"].startswith("error: its key data/key is missing")


def test_what_serve_would_be_told_is_looked_at(look: Look, tmp_path: Path) -> None:
    """Another folder, address and port than the environment's."""
    (tmp_path / "state").mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        found = look(data_dir=tmp_path / "state", host="127.0.0.1", port=port)

    assert str(tmp_path / "state") in found["data"]
    assert found["port"] == f"ok: 127.0.0.1:{port} is free"


def test_an_admin_key_that_may_be_guessed_is_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning that does not repeat it; one that is long enough is no word worth."""
    monkeypatch.setenv("GUARDHOUSE_ADMIN_KEY", "pa55word")
    found = look()
    assert found["admin key"].startswith("warn: GUARDHOUSE_ADMIN_KEY has less than 16")
    assert "pa55word" not in str(found)
    monkeypatch.setenv("GUARDHOUSE_ADMIN_KEY", "p" * 16)
    assert "admin key" not in look()


def test_a_taken_port_is_told_from_one_of_ours(
    look: Look, proxy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running proxy names its policy; any other program is an error."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("GUARDHOUSE_PORT", str(other.getsockname()[1]))
        with monkeypatch.context() as impatient:
            impatient.setattr(doctor.http.client, "HTTPConnection", quick(doctor.http.client.HTTPConnection))
            assert "is taken by another program" in look()["port"]
    monkeypatch.setenv("GUARDHOUSE_PORT", str(proxy.port))

    assert look()["port"].startswith("ok: a Guardhouse listens on")


def quick(kind: type) -> Callable[..., object]:
    """The same connection with a deadline that a test can wait for."""
    return lambda host, port, timeout: kind(host, port, timeout=0.5)


def test_settings_that_do_not_fit_are_told(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named; what needs no setting is still looked at."""
    monkeypatch.setenv("GUARDHOUSE_PORT", "many")

    found = look()

    assert found["settings"].startswith("error: GUARDHOUSE_PORT")
    assert "encoder" in found


def test_what_finds_names_is_said(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tagger that ships, and any spaCy model that is installed; a broken tagger is an error."""
    monkeypatch.setattr(doctor.metadata, "entry_points", lambda group: [])
    found = look()
    assert found["names"].startswith("ok: a rule can find PERSON, LOCATION")
    assert found["spaCy"].startswith("ok: no model is installed")
    entry = metadata.EntryPoint("en_core_web_sm", "en_core_web_sm", "spacy_models")
    monkeypatch.setattr(doctor.metadata, "entry_points", lambda group: [entry])
    assert look()["spaCy"].startswith("ok: models en_core_web_sm")

    def broken(entities: object) -> None:
        raise ModelError("model.onnx: SHA-256 is not the one its card names.")

    monkeypatch.setattr(names, "tagger", broken)
    assert look()["names"].startswith("error: model.onnx")


def test_an_old_python_and_a_broken_encoder_are_errors(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both would fail later, and less clearly."""

    def broken() -> None:
        raise ModelError("model.onnx: SHA-256 is not the one its card names.")

    monkeypatch.setattr(embedding, "load", broken)
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))

    found = look()

    assert found["python"] == "error: 3.10.1 is too old. Use 3.11 or newer."
    assert found["encoder"].startswith("error: model.onnx")
