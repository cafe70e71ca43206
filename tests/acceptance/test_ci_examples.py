"""The CI examples run as their servers run them: a better prompt passes, a careless one is blocked, and both leave a report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.architecture.source import ROOT
from tests.proxy.test_server import lines_until, start

EXAMPLES = ROOT / "docs" / "examples"
PROMPTS = ROOT / "datasets" / "prompts" / "support"
CONFIG = """\
model_list:
  - model_name: demo
    litellm_params: {model: fake/assistant}
guardhouse: {data_dir: data, policy: default}
"""
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


class Step(NamedTuple):
    """Some lines for a shell."""

    script: str
    always: bool
    """Whether it runs when an earlier one failed."""


class Job(NamedTuple):
    """What a CI server does with an example."""

    steps: list[Step]
    environment: Mapping[str, str]


def github() -> Job:
    """The job of the workflow: each `run` is a shell of its own, ended by the first error."""
    told = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    (job,) = told["jobs"].values()
    assert told["defaults"]["run"]["shell"] == "bash"
    runs = [step for step in job["steps"] if "run" in step]
    return Job([Step(step["run"], step.get("if") == "always()") for step in runs], told["env"])


def gitlab() -> Job:
    """The job: `script` is one shell, `after_script` another that runs in any case."""
    (job,) = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8")).values()
    scripts = [Step("\n".join(job["script"]), False), Step("\n".join(job["after_script"]), True)]
    return Job(scripts, job["variables"])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`guardhouse serve` on the scripted provider, which asks nobody for a key."""
    process = start(tmp_path_factory.mktemp("proxy"), "--no-auth", config=CONFIG)
    said = lines_until(process, "listens on")
    rest = threading.Thread(target=lambda: process.stderr and process.stderr.read())
    rest.start()
    yield said.partition("listens on ")[2].split()[0]
    process.terminate()
    process.wait(timeout=60)
    rest.join()
    assert process.stderr is not None
    process.stderr.close()


def change(folder: Path, text: str, *, there: bool = False) -> str:
    """A clone in which somebody adds the second version of a prompt, or edits the one that is there; gives its base commit."""
    shutil.copytree(ROOT / "datasets", folder / "datasets")
    prompts = folder / "datasets" / "prompts" / "support"
    if not there:
        (prompts / "v2.txt").unlink()

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "before")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    (prompts / "v2.txt").write_text(text, "utf-8")
    git("add", ".")
    git("commit", "--quiet", "--message", "after")
    return git("rev-parse", "HEAD~1").strip()


def carried_out(job: Job, folder: Path, **variables: str) -> int:
    """Its steps in order, as the server does it; the exit code of the first that failed."""
    own = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
    }
    environment = own | dict(job.environment) | variables
    assert not [value for value in environment.values() if "${{" in value], (
        "an expression of the server is left"
    )
    code = 0
    for step in job.steps:
        if code == 0 or step.always:
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.script]
            ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            print(ran.stdout[-2000:], ran.stderr[-2000:])
            code = code or ran.returncode
    return code


CHANGES = {"v2": ("pass", 0), "degraded": ("block", 1)}


@pytest.mark.parametrize("version", CHANGES)
def test_a_pull_request_at_github(target: str, tmp_path: Path, version: str) -> None:
    """The exit code is the verdict's, the summary stands on the job's page, and every report is in the artefact."""
    verdict, code = CHANGES[version]
    change(tmp_path, (PROMPTS / f"{version}.txt").read_text("utf-8"))
    page = tmp_path / "page.md"

    ended = carried_out(
        github(),
        tmp_path,
        TARGET=target,
        MODEL="demo",
        GUARDHOUSE_API_KEY="none",
        GITHUB_BASE_REF="main",
        GITHUB_STEP_SUMMARY=str(page),
    )

    assert ended == code
    assert page.read_text("utf-8") == (tmp_path / "runs/candidate/summary.md").read_text("utf-8")
    assert verdict in page.read_text("utf-8").lower()
    told = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text("utf-8"))
    kept = told["jobs"]["gate"]["steps"][-1]["with"]["path"].split()
    names = {f"{place}/{name}" for place in kept for name in ("run.json", "report.html", "junit.xml")}
    assert [name for name in names if not (tmp_path / name).is_file()] == []


@pytest.mark.parametrize("version", CHANGES)
def test_a_merge_request_at_gitlab(target: str, tmp_path: Path, version: str) -> None:
    """The same, and what a note says lies where the merge request links to."""
    verdict, code = CHANGES[version]
    base = change(tmp_path, (PROMPTS / f"{version}.txt").read_text("utf-8"))

    ended = carried_out(
        gitlab(), tmp_path, EVAL_TARGET=target, MODEL="demo", CI_MERGE_REQUEST_DIFF_BASE_SHA=base
    )

    assert ended == code
    assert verdict in (tmp_path / "note.md").read_text("utf-8").lower()
    (job,) = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text("utf-8")).values()
    told = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert [name for name in told if not (tmp_path / name).exists()] == []


@pytest.mark.parametrize("job", [github, gitlab])
def test_a_version_that_is_edited_is_compared_with_what_it_was(job: Any, target: str, tmp_path: Path) -> None:
    """Nobody gets a careless prompt through by writing it over the one that is there."""
    base = change(tmp_path, (PROMPTS / "degraded.txt").read_text("utf-8"), there=True)
    told = {"TARGET": target, "EVAL_TARGET": target, "MODEL": "demo", "GUARDHOUSE_API_KEY": "none"}
    told |= {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md")}

    assert carried_out(job(), tmp_path, **told, CI_MERGE_REQUEST_DIFF_BASE_SHA=base) == 1


@pytest.mark.parametrize("job", [github, gitlab])
def test_a_target_that_is_away_fails_the_job_and_says_so(job: Any, tmp_path: Path) -> None:
    """Exit code 2, which is not that of a block, and the page says that nothing could be asked."""
    base = change(tmp_path, "Be quick.")
    (tmp_path / "corpus.jsonl").write_text('{"id": "a", "text": "A short document."}\n', "utf-8")
    page, away = tmp_path / "note.md", "http://127.0.0.1:9"
    told = {"CORPUS": "corpus.jsonl", "MODEL": "demo", "GUARDHOUSE_API_KEY": "none"}
    told |= {"TARGET": away, "EVAL_TARGET": away, "GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(page)}

    ended = carried_out(job(), tmp_path, **told, CI_MERGE_REQUEST_DIFF_BASE_SHA=base)

    assert ended == 2
    assert "invalid (exit code 2)" in page.read_text("utf-8") and "cannot be reached" in page.read_text(
        "utf-8"
    )
