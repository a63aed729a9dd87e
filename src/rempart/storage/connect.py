"""Where the database is and how each process enters it: one login per process.

Opens connections and nothing else; never prints a password.
"""

import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.column_dumper import ADAPTERS
from rempart.storage.roles import role_name

Login: TypeAlias = Literal[
    "admin",
    "owner",
    "gateway",
    "feeds",
    "portals",
    "signin",
    "registrar",
    "auditor",
    "analyst",
    "recorder",
    "archivist",
    "cosigner",
    "forwarder",
    "worker",
    "settler",
    "keeper",
    "notifier",
]

# What a workflow receives: an open connection inside a transaction that its caller commits.
Transaction: TypeAlias = psycopg.Connection[tuple[Any, ...]]
# What one that works in steps receives: each call opens a transaction of its own.
OpenTransaction: TypeAlias = Callable[[], AbstractContextManager[Transaction]]

DEFAULT_NAME = "rempart"

# On the way to a server, unless its address says otherwise. A machine that went without a word is
# noticed within fifteen seconds, not when TCP gives up (a quarter of an hour); libpq asks the next
# host after three.
_WAY: Mapping[str, str] = {
    "connect_timeout": "3",
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# A pool waits twice as long after each attempt; it begins again for whoever asks once it gave up.
_GIVE_UP_S = 2.0

# What libpq does by itself; asyncpg would send these to the server, which refuses them.
_UNKNOWN_TO_ASYNCPG = frozenset(
    {"connect_timeout", "channel_binding", "client_encoding", "fallback_application_name"}
    | {"gssencmode", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"}
    | {"load_balance_hosts", "options", "require_auth", "sslcompression", "sslnegotiation"}
    | {"sslsni", "sslcertmode", "tcp_user_timeout"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One Rempart database on one server.

    Args:
        address: libpq parameters that lead to the server (host, port, sslmode...), no user.
        name: Name of the database.
        admin: Role that may create roles and databases.
        passwords: By short name of login, `admin` included.
    """

    address: Mapping[str, str]
    name: str
    admin: str
    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_url(cls, url: str, passwords: Mapping[str, str]) -> "Database":
        """Read the URL of a server's administrator; its path names the database (default: rempart).

        Raises:
            SetupError: it is not a libpq URL, or names no user.
        """
        try:
            parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
        except psycopg.Error as failure:
            raise SetupError(
                "DATABASE_URL is not a PostgreSQL address: "
                "write postgresql://admin:password@host:5432/rempart"
            ) from failure
        user = parts.pop("user", "")
        if not user:
            raise SetupError("DATABASE_URL names no user: write postgresql://admin:password@host/")
        name = parts.pop("dbname", "")
        password = parts.pop("password", "")
        if not parts.get("port", "").strip(","):
            parts.pop("port", None)  # several hosts without a port come with commas alone
        if name in {"", "postgres"}:
            name = DEFAULT_NAME
        return cls(address=parts, name=name, admin=user, passwords={**passwords, "admin": password})

    def renamed(self, name: str) -> "Database":
        """Return the database `name` of the same server."""
        return replace(self, name=name)

    def user(self, login: Login) -> str:
        """Return the server's name of a login."""
        return self.admin if login == "admin" else role_name(login)

    def dsn(self, login: Login) -> str:
        """Return the libpq connection string of a login. It holds a password: never log it."""
        return make_conninfo("", **self._parameters(login))

    def dsn_without_password(self, login: Login) -> str:
        """Return the same for a command line, which every user of the machine can read."""
        return make_conninfo("", **{**self._parameters(login), "password": None})

    def url(self, login: Login = "admin") -> str:
        """Return the same as a URL, as DATABASE_URL wants it. It holds a password: never log it."""
        address = dict(self.address)
        parts = {
            "host": address.pop("host", ""),
            "port": address.pop("port", ""),
            "user": self.user(login),
            "password": self.passwords[login],
            **address,
        }
        query = urllib.parse.urlencode({key: value for key, value in parts.items() if value})
        return f"postgresql:///{urllib.parse.quote(self.name)}?{query}"

    @property
    def way(self) -> dict[str, str]:
        """The address with what libpq needs to follow a server that moves.

        Several hosts are a primary and its standbys: the one that takes writes is meant.
        """
        is_moving = "," in self.address.get("host", "")
        primary = {"target_session_attrs": "read-write"} if is_moving else {}
        return {**_WAY, **primary, **self.address}

    def _parameters(self, login: Login) -> dict[str, str]:
        if login not in get_args(Login):
            raise ValueError(f"{login} is not a login: use one of {', '.join(get_args(Login))}")
        parameters = {
            **self.way,
            "user": self.user(login),
            "dbname": self.name,
            "application_name": f"rempart {login}",
        }
        if self.passwords[login]:
            parameters["password"] = self.passwords[login]
        return parameters

    def connect(self, login: Login, *, autocommit: bool = False) -> Transaction:
        """Open one connection, which the caller closes.

        Raises:
            Unavailable: the server cannot be reached or refuses this login.
            SetupError: the server has no such database or role.
        """
        try:
            return psycopg.connect(self.dsn(login), autocommit=autocommit, context=ADAPTERS)
        except psycopg.OperationalError as failure:
            reason = str(failure).strip().splitlines()[-1]
            if f'"{self.name}" does not exist' in reason or "role" in reason:
                raise SetupError(f"{reason}: run `rempart init`") from failure
            raise Unavailable(
                f"the database {self.name} does not answer as {self.user(login)}: {reason}"
            ) from failure

    @contextmanager
    def transaction(self, login: Login) -> Iterator[Transaction]:
        """Open a connection and a transaction: committed at the end, rolled back on an error."""
        with self.connect(login) as connection:
            yield connection

    def pool(
        self, login: Login, *, min_size: int = 1, max_size: int = 4
    ) -> ConnectionPool[Transaction]:
        """Return a pool that is not open yet: use it as a context manager.

        A connection is tried before it is lent: after a failover nobody is given a dead one.
        """
        return ConnectionPool(
            self.dsn(login),
            min_size=min_size,
            max_size=max_size,
            check=ConnectionPool.check_connection,
            kwargs={"context": ADAPTERS},
            reconnect_timeout=_GIVE_UP_S,
            open=False,
            name=f"rempart-{login}",
        )

    def asyncpg_kwargs(self, login: Login) -> dict[str, Any]:
        """Return the keyword arguments of `storage.primary.connect_primary`."""
        known = {key: v for key, v in self.way.items() if key not in _UNKNOWN_TO_ASYNCPG}
        hosts = known.get("host", "").split(",")
        if len(hosts) == 1:
            return {"dsn": replace(self, address=known).url(login)}
        ports = known.pop("port", "").split(",")
        known.pop("host")
        return {
            "dsn": replace(self, address=known).url(login),
            "host": hosts,
            # One port is that of every host, as libpq reads it.
            "port": [int(port or 5432) for port in ports * (len(hosts) if len(ports) == 1 else 1)],
        }
