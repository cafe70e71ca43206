"""Comments: kept, listed oldest first, emptied by their author, gone with their trace."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.store import belongings, comments, queries
from proxy.store.comments import About, CommentError, add_comment, delete_comment
from proxy.store.db import Store
from tests.proxy.exchanges import masked


@pytest.fixture
def about(store: Store) -> About:
    """A stored trace."""
    exchange = masked()
    assert store.write([document(exchange)]) == []
    return About(span_id=exchange.id)


def test_comments_are_listed_oldest_first(store: Store, about: About) -> None:
    """With author and time; a trace's document has them for whoever may see them."""
    add_comment(store, about, "ann", "first\0")
    add_comment(store, about, "bob", " second ")
    found = comments.comments(store, about)
    assert [(each["author"], each["text"]) for each in found] == [("ann", "first\ufffd"), ("bob", "second")]
    assert (queries.get_trace(store, about.id, reader="ann") or {})["comments"] == found
    assert comments.comments(store, about, authors=["bob"]) == found[1:]
    assert comments.comments(store, about, tenant="other") == []


def test_only_the_author_deletes_and_the_text_goes(store: Store, about: About) -> None:
    """Once; that there was a comment stays."""
    row = add_comment(store, about, "ann", "a secret") or {}
    assert not delete_comment(store, row["id"], "bob")
    assert not delete_comment(store, row["id"], "ann", "other")
    assert delete_comment(store, row["id"], "ann")
    assert not delete_comment(store, row["id"], "ann")
    [left] = comments.comments(store, about)
    assert left["text"] == "" and left["deleted_us"] is not None


def test_what_cannot_be_kept_is_told(store: Store, about: About, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to say, too much, too many, nothing to say it about, another tenant's."""
    for text in ("", " \n", "x" * (comments.LONGEST + 1)):
        with pytest.raises(CommentError, match="text"):
            add_comment(store, about, "ann", text)
    assert add_comment(store, About(span_id="0" * 32), "ann", "x") is None
    assert add_comment(store, About(group_id="nowhere"), "ann", "x") is None
    assert add_comment(store, about, "ann", "x", tenant="other") is None
    monkeypatch.setattr(comments, "MOST", 1)
    add_comment(store, about, "ann", "x")
    with pytest.raises(CommentError, match="no more than 1"):
        add_comment(store, about, "ann", "x")


def test_comments_go_with_their_trace(store: Store, about: About) -> None:
    """An erasure leaves none."""
    add_comment(store, about, "ann", "about somebody")
    with store.begin() as connection:
        counts = belongings.delete(connection, belongings.belongings(connection, [about.id]))
    assert counts["comment"] == 1
    assert comments.comments(store, about) == []
