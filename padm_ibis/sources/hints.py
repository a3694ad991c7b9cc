"""What to do about what a server or a file's driver says: one useful sentence for each common mistake."""

from __future__ import annotations

_ENCODING = (
    "The source's database holds text that is not in its declared encoding; correct it there, or read a schema of views that"
    " do, with convert_from(convert(convert_to(nombre, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'SQL_ASCII')."
)
GRANTS = "`padm-ibis doctor --grants` prints what the administrator of that database must run (docs/dba.md)."
_SILENT = "Nothing answers at that host and port: a firewall, a VPN that is not connected, or a wrong host in the URL."
# The first that fits: particular ones before general ones.
_HINTS = (
    ("conflict with recovery", "A standby makes way for replication; its max_standby_streaming_delay, or hot_standby_feedback,"
     " gives a reading the time it needs (docs/dba.md)."),
    ("conflicto con la recuperación", "A standby makes way for replication; its max_standby_streaming_delay, or"
     " hot_standby_feedback, gives a reading the time it needs (docs/dba.md)."),
    ("idle-in-transaction timeout", "The server ended a reading that said nothing; raise idle_in_transaction_timeout_s."),
    ("transaction timeout", "The server ends long transactions, and a reading is one: ALTER ROLE … SET transaction_timeout = 0."),
    # poolers
    ("unsupported startup parameter", "The pooler refuses options= of the URL; leave it out, or name it in the pooler's"
     " ignore_startup_parameters."),
    ("statement pooling mode", "The connection ended with its first transaction: a restart, or a pooler that gives every"
     " statement another session (PgBouncer: pool_mode = statement); use one in session or transaction mode, or none."),
    ("query_wait_timeout", "All connections of the pooler are in use; wait, or ask for a larger pool."),
    # no connection
    ("could not translate host name", "No machine is known by that name here: check the host of the URL, and DNS or VPN."),
    ("connection refused", "That machine is there, no server listens at that port: check host and port of the URL, whether the"
     " server is up, and its listen_addresses."),
    ("no such file or directory", "No server listens at that socket: check the folder after host= and the port of the URL."),
    ("timeout expired", _SILENT),
    ("timed out", _SILENT),
    ("no route to host", _SILENT),
    ("network is unreachable", _SILENT),
    ("password authentication failed", "Check user and password of the URL; a password's special characters are written"
     " %-encoded (@ as %40)."),
    ("no password supplied", "The server wants a password: postgres://user:password@host:5432/database, from the environment."),
    ("authentication failed", "Check user and password of the URL, and how the server's pg_hba.conf lets this user in."),
    ("no pg_hba.conf entry", "The server does not let this user in from here; ask its administrator for a line in pg_hba.conf"
     " (where it asks for encryption: ?sslmode=require)."),
    ("certificate", "The server's certificate is not trusted here: ?sslrootcert=FILE names the authority's, or ask for another."),
    ("does not support ssl", "The server offers no encryption, and the URL asks for it: sslmode=prefer, or TLS at the server."),
    ("not permitted to log in", "Its administrator has to say ALTER ROLE … LOGIN."),
    ("too many", "The server has no free connection; wait, or ask for a larger max_connections or CONNECTION LIMIT."),
    ("remaining connection slots", "The server has no free connection; wait, or ask for a larger max_connections."),
    ("server closed the connection", "The server, or something in between, ended the connection, and its log says why: a restart,"
     " an administrator, or a time-out such as idle_in_transaction_timeout_s of this source."),
    ("starting up", "The server is starting; try again in a moment."),
    ("shutting down", "The server is being stopped; try again later."),
    ("permission denied for database", GRANTS),
    # no database, no role
    ("database \"", "The database is the part after the host in the URL; padm-ibis makes schemas and tables, not databases."),
    ("role \"", "There is no such user at the server: check the user of the URL. " + GRANTS),
    # statements
    ("row-level security", "A policy hides rows of it from this role, and a part would pass for the whole. The administrator can"
     " say ALTER ROLE … BYPASSRLS; or set row_security = true for this source, to load what the policy shows."),
    ("statement timeout", "A statement took longer than statement_timeout_s of this source; raise it, or add an index there."),
    ("lock timeout", "Something at the source holds a lock; try again, or raise lock_timeout_s."),
    ("no space left", "The disk of the source's server is full; its administrator has to free some space there."),
    ("permission denied", GRANTS),
    ("invalid input syntax", "A column there holds a value that its type here cannot; `padm-ibis doctor` lists changed types."),
    ("conflicting lock", "Another program writes to that file; close it."),
    ("invalid unicode", _ENCODING),
    ("invalid byte sequence", _ENCODING),
)  # fmt: skip


def hint_for(message: str) -> str | None:
    """Return what to do about a driver's message; None where nothing is known."""
    text = message.lower()
    return next((hint for words, hint in _HINTS if words in text), None)
