"""What a running proxy forgets after an erasure: the pseudonyms of its sessions, and replies that are given again."""

from __future__ import annotations

import asyncio
import logging

from proxy.context import Context
from proxy.store.db import AWAY
from proxy.store.erasures import erased_sessions
from proxy.vaults import Unreachable

_log = logging.getLogger(__name__)


async def forget_erased(context: Context, since_us: int) -> int:
    """Forget what belongs to erasures asked for since a moment; returns the moment from which to look next time.

    What cannot be done now is tried again the next time, and logged.
    """
    try:
        sessions, last_us = await asyncio.to_thread(erased_sessions, context.store, since_us)
        if last_us > since_us:
            await context.vaults.forget(sessions)
            context.replies.clear()
    except (*AWAY, Unreachable) as error:
        _log.warning("what was erased is not forgotten yet (%s)", type(error).__name__)
        return since_us
    return last_us
