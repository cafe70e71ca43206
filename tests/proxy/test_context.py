"""The context that every router is given."""

from __future__ import annotations

import dataclasses

import pytest

from tests.servers import Running


def test_a_context_is_complete_and_fixed(proxy: Running) -> None:
    """Every part is there when the app is built, and none can be swapped behind a router's back."""
    context = proxy.app.context

    missing = [each.name for each in dataclasses.fields(context) if getattr(context, each.name) is None]
    assert missing == ["spans"]  # no collector is configured
    assert context.policies.label == context.policies.guard.policy.label
    assert context.ready() == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.key = b"other"  # type: ignore[misc]
