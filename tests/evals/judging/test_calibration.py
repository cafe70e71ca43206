"""A judge gates only by a calibration that is its own, good enough, fresh, and as it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import JudgeError
from evals.golden import canonical
from evals.judging.calibration import Calibration, Calibrations, load, save
from evals.judging.client import identity
from evals.judging.spec import JudgeSpec
from tests.evals.judging.labelled import RUBRIC, calibration

DAY = date(2026, 1, 1)
ME = "1" * 64


def figured(**figures: Any) -> Calibration:
    """A good calibration with other figures."""
    made = calibration()
    return replace(made, figures=replace(made.figures, **figures))


def test_a_good_judge_may_gate() -> None:
    """To the last day."""
    known = Calibrations((calibration(),))

    assert known.advisory(ME, DAY, 30) == ""
    assert known.advisory(ME, date(2026, 1, 31), 30) == ""


UNFIT: list[tuple[Calibration, str]] = [
    (calibration(99), "99 labelled items are fewer than 100"),
    (figured(n=99), "99 labelled items are fewer than 100"),
    (calibration(75, 45), "kappa's lower bound 0."),
    (figured(kappa_low=0.3999999), "kappa's lower bound 0.399 is below 0.40"),
    (figured(kappa=None, kappa_low=None, kappa_high=None), "kappa could not be measured"),
    (figured(kappa_low=0.75, human_kappa=0.9, human_pairs=50), "0.750 is below 0.80 (people's is 0.90)"),
    (figured(self_consistency=0.9499), "its self-consistency 0.949 is below 0.95"),
    (calibration(repeats=1), "its self-consistency was not measured (--repeats 3)"),
    (figured(unreadable=8), "8 of 360 rulings had no verdict (more than 2%)"),
    (replace(calibration(), created="2025-12-01"), "it was calibrated 31 days ago (more than 30)"),
    (replace(calibration(), created="2026-01-02"), "it was calibrated on 2026-01-02, which is to come"),
]


@pytest.mark.parametrize(("entry", "told"), UNFIT, ids=[told for _, told in UNFIT])
def test_each_shortcoming_is_told(entry: Calibration, told: str) -> None:
    """In one sentence that names what is missed, and by what."""
    reason = Calibrations((entry,)).advisory(ME, DAY, 30)

    assert reason.startswith("the judge is not fit to gate: ")
    assert told in reason
    assert "\n" not in reason


FIT = [
    calibration(100),
    figured(kappa_low=0.4),
    figured(kappa_low=0.8, human_kappa=0.9, human_pairs=50),
    figured(kappa_low=0.41, human_kappa=0.45, human_pairs=50),
    figured(kappa_low=0.5, human_kappa=0.9, human_pairs=49),
    figured(self_consistency=0.95),
    figured(unreadable=7),
]


@pytest.mark.parametrize("entry", FIT)
def test_what_just_suffices_suffices(entry: Calibration) -> None:
    """Each bar is reached at its own value; few ratings of people are told, not held against the judge."""
    assert Calibrations((entry,)).advisory(ME, DAY, 30) == ""


@given(
    n=st.integers(0, 200),
    low=st.floats(-1, 1),
    same=st.one_of(st.none(), st.floats(0, 1)),
    unreadable=st.integers(0, 360),
    age=st.integers(-3, 60),
)
def test_all_bars_hold_at_once(n: int, low: float, same: float | None, unreadable: int, age: int) -> None:
    """It may gate exactly where every bar is reached."""
    base = figured(n=n, kappa_low=low, self_consistency=same, unreadable=unreadable)
    entry = replace(base, created=date.fromordinal(DAY.toordinal() - age).isoformat())

    fit = Calibrations((entry,)).advisory(ME, DAY, 30) == ""

    eps = 1e-9
    bars = [
        n >= 100,
        low >= 0.4 - eps,
        same is not None and same >= 0.95 - eps,
        unreadable <= 7.2,
        0 <= age <= 30,
    ]
    assert fit == all(bars)


def test_another_judge_is_not_calibrated() -> None:
    """Whatever changed of it, one character of the prompt included; nor is any by an empty file."""
    known = Calibrations((calibration(),))

    assert "not calibrated as it is now (another model, prompt or setting was)" in known.advisory(
        "9" * 64, DAY, 30
    )
    assert "(none was): run `guardhouse eval calibrate`" in Calibrations().advisory(ME, DAY, 30)


def test_one_character_of_the_prompt_revokes_the_gate() -> None:
    """The judge is another one then."""
    spec = JudgeSpec("http://judge/v1", "m")
    known = Calibrations((replace(calibration(), identity=identity(spec, RUBRIC)),))
    changes = [
        identity(spec, replace(RUBRIC, system=RUBRIC.system + "!")),
        identity(spec, replace(RUBRIC, version="2")),
        identity(replace(spec, model="n"), RUBRIC),
        identity(replace(spec, temperature=0.1), RUBRIC),
        identity(replace(spec, base_url="http://other/v1"), RUBRIC),
    ]

    assert known.advisory(identity(spec, RUBRIC), DAY, 30) == ""
    assert all("not calibrated as it is now" in known.advisory(each, DAY, 30) for each in changes)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (("m-1",), (), ""),
        (("m-1",), ("m-1",), ""),
        (("m-1", "m-2"), ("m-2",), ""),
        ((), ("m-1",), ""),
        (("m-1",), ("m-2",), "it answered as m-2, and was calibrated as m-1"),
        (("m-1",), ("m-1", "m-2"), "it answered as m-2, and was calibrated as m-1"),
    ],
)
def test_another_model_under_its_name_revokes_the_gate(
    then: tuple[str, ...], now: tuple[str, ...], told: str
) -> None:
    """Where replies tell; those that name nothing tell nothing."""
    reason = Calibrations((calibration(answered_models=then),)).advisory(ME, DAY, 30, now)

    assert reason == (told and f"the judge is not fit to gate: {told}")


def test_a_changed_policy_revokes_the_gate(tmp_path: Path) -> None:
    """Where its file is there; elsewhere nobody can tell."""
    (tmp_path / "policy.md").write_text("Be strict.\n")
    sha = hashlib.sha256(b"Be strict.\n").hexdigest()
    path = tmp_path / "judge.json"
    save(Calibrations((replace(calibration(), policy_sha256=sha),)), path)
    assert load(path).advisory(ME, DAY, 30) == ""

    (tmp_path / "policy.md").write_text("Be lenient.\n")
    assert "the labelling policy changed since it was calibrated" in load(path).advisory(ME, DAY, 30)
    (tmp_path / "policy.md").unlink()
    assert load(path).advisory(ME, DAY, 30) == ""


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Whole, also twice over."""
    path = tmp_path / "deep" / "judge.json"
    other = replace(calibration(75, 45), identity="5" * 64, rubric="other")
    save(Calibrations().with_entry(calibration()).with_entry(other), path)
    text = path.read_text()

    known = load(path)

    assert known == Calibrations((other, calibration()), path.parent)
    save(known, path)
    assert path.read_text() == text


def test_a_newer_calibration_takes_the_place_of_what_it_renews() -> None:
    """The same rubric, version and model, whatever else changed; other versions stay."""
    old, newer = calibration(), replace(calibration(110), identity="5" * 64)
    known = Calibrations((old, replace(old, identity="6" * 64, rubric_version="2")))

    assert known.with_entry(newer).entries == (newer, known.entries[1])


def test_spaces_are_no_edit(tmp_path: Path) -> None:
    """The file may be written in another layout, by a formatter for one."""
    path = tmp_path / "judge.json"
    save(Calibrations((calibration(99, 21),)), path)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))

    assert load(path).entries == (calibration(99, 21),)


def _edited(change: Callable[[dict[str, Any]], object]) -> str:
    from dataclasses import asdict

    entry = json.loads(json.dumps(asdict(calibration())))
    before = hashlib.sha256(canonical([entry]).encode()).hexdigest()
    change(entry)
    return json.dumps({"format": "guardhouse.calibration/1", "sha256": before, "calibrations": [entry]})


BROKEN: list[tuple[str, str]] = [
    ("", "is not JSON"),
    ("[" * 9000, "is not JSON"),
    ("[]", "is not a guardhouse.calibration/1 document"),
    ('{"format": "guardhouse.calibration/2"}', "(format: 'guardhouse.calibration/2')"),
    ('{"format": "guardhouse.calibration/1"}', "calibrations: "),
    ('{"format": "guardhouse.calibration/1", "calibrations": [], "more": 1}', "unknown members: 'more'"),
    ('{"format": "guardhouse.calibration/1", "calibrations": NaN}', "a number is not finite"),
    (_edited(lambda entry: entry.pop("n")), "n: Field required"),
    (_edited(lambda entry: entry.update(n="120")), "'n' is unknown, missing or not of its type"),
    (_edited(lambda entry: entry.update(extra=1)), "'extra' is unknown"),
    (_edited(lambda entry: entry["figures"].update(extra=1)), "'figures' is unknown"),
    (_edited(lambda entry: entry.update(created="yesterday")), "created is not a day"),
    (_edited(lambda entry: entry.update(rubric_sha256="x")), "a hash is not a SHA-256"),
    (_edited(lambda entry: entry.update(identity="")), "it names no judge"),
    (_edited(lambda entry: entry.update(created="20260101")), "created is not a day"),
    (_edited(lambda entry: entry.update(created="2026-02-30")), "created is not a day"),
    (
        _edited(lambda entry: entry["figures"].update(kappa=0.9, kappa_low=0.8)),
        "kappa does not fit the table",
    ),
    (_edited(lambda entry: entry.update(created="2026-06-01")), "it is not what was written"),
    (_edited(lambda entry: entry["figures"].update(kappa_low=0.99)), "it is not what was written"),
]


@pytest.mark.parametrize(("text", "told"), BROKEN, ids=[told for _, told in BROKEN])
def test_a_file_that_is_not_what_was_written_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """With its name, what is wrong and what to do."""
    path = tmp_path / "judge.json"
    path.write_text(text)

    with pytest.raises(JudgeError) as refused:
        load(path)

    assert told in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "guardhouse eval calibrate" in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is no empty one."""
    with pytest.raises(JudgeError, match="cannot be read"):
        load(tmp_path / "none.json")
