"""The context that every router is given."""

from __future__ import annotations

import dataclasses

import pytest

from tests.servers import Running


def test_a_context_is_complete_and_fixed(proxy: Running) -> None:
    """Every part is there when the app is built, and none can be swapped behind a router's back."""
    context = proxy.app.context

    assert all(getattr(context, field.name) is not None for field in dataclasses.fields(context))
    assert context.policies.label == context.policies.guard.policy.label
    assert context.ready() == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.key = b"other"  # type: ignore[misc]
