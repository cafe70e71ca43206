"""Why a database does not do what it is asked, in words for an operator: from a closed list, so that no SQL, no value
and no credential can be among them."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

EXAMPLES = "Use sqlite:////var/lib/guardhouse/guardhouse.sqlite3 or postgresql+psycopg://user:password@host/database."
_ROOM = ("its disk is full", "Make room, then start again.")
_LOCKED = ("another program holds it locked", "End that program, or wait for it, then start again.")
_DENIED = ("it refuses the user or the password", f"Check database_url. {EXAMPLES}")
_AWAY = ("it cannot be reached", f"Start it, or check database_url. {EXAMPLES}")
_SQLITE = {
    "SQLITE_FULL": _ROOM,
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_IOERR": ("its disk fails to read or write", "Look at the disk and its room, then start again."),
    "SQLITE_READONLY": ("its file or folder is read-only", "Make both writable for this user."),
    "SQLITE_CANTOPEN": ("its file cannot be opened", f"Check the path and who may read it. {EXAMPLES}"),
    "SQLITE_NOTADB": ("its file is no SQLite database", f"Check the path. {EXAMPLES}"),
    "SQLITE_CORRUPT": ("its file is damaged", "Restore it from a backup."),
}
_POSTGRESQL = {
    "53100": _ROOM,
    "53300": ("it has no connection left", "Raise max_connections, or run fewer proxies."),
    "55P03": _LOCKED,
    "28": _DENIED,
    "3D": ("there is no database of that name", f"Make it, or check database_url. {EXAMPLES}"),
    "42501": ("its user may not do that", "Grant the user what its schema needs."),
}


def why(error: BaseException) -> tuple[str, str]:
    """What is wrong, and what to do about it, for an error of SQLAlchemy or of a driver."""
    driver = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = str(getattr(driver, "sqlite_errorname", None) or "")
    for start, told in _SQLITE.items():
        if code.startswith(start):
            return told
    state = getattr(driver, "sqlstate", None)
    for start, told in _POSTGRESQL.items():
        if state is not None and state.startswith(start):
            return told
    if state is None and type(driver).__module__.startswith(("psycopg", "proxy.store.postgresql")):
        # libpq has no code for what fails before there is a connection, but a few words that are always the same.
        return _DENIED if "authentication failed" in str(driver) else _AWAY
    return type(error).__name__, EXAMPLES
