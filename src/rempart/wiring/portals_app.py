"""The portals' process: Django's settings, the desk, and the WSGI application.

Builds everything once. Refuses to serve a static file from elsewhere, and to let a page load one.
"""

import atexit
import functools
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import django
from csp.constants import NONE, SELF
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from psycopg_pool import ConnectionPool
from whitenoise import WhiteNoise  # type: ignore[import-untyped]

import rempart.portals
from rempart.client.keys import SigningKey
from rempart.disclosure.note import NoteVerifier
from rempart.disclosure.witness import Quorum
from rempart.exchange.legal_notices import LegalNotices, read_legal_notices
from rempart.exchange.payee_check import PayeeProvider
from rempart.kernel.iban import Iban
from rempart.portals.allowances import Allowances
from rempart.portals.gateway_client import GatewayClient
from rempart.portals.oidc import ProviderBook
from rempart.portals.service_watch import ServiceWatch
from rempart.rights.lookup import Identifiers, compute_lookup_key
from rempart.storage.analytics import SealedFiles
from rempart.storage.archive_seal import KnownBy
from rempart.storage.card_prints import PrintSeal
from rempart.storage.connect import Database, Login, Transaction
from rempart.storage.contacts import make_letterbox
from rempart.storage.iban_seal import IbanCloser, IbanSeal
from rempart.storage.joiner_slot import make_joiner_box
from rempart.storage.letterbox import Slot
from rempart.storage.member_seal import MemberSeal
from rempart.storage.presence import CodeSeal
from rempart.wiring.acts import open_acts_log
from rempart.wiring.cards import load_root, open_print_seal
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.log_signers import load_log_keys
from rempart.wiring.payees import load_payee_provider
from rempart.wiring.providers import load_providers
from rempart.wiring.segments import open_own_files
from rempart.wiring.settings import Network, Settings
from rempart.wiring.witnesses import load_quorum
from rempart.workflows.claims.read_pecs import PecNumbers
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.ledger.publish_ledger import UnfinishedTiles
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.ledger.record_act import ActsLog
from rempart.workflows.notices.campaign_contacts import open_slot

PORTALS: Final = Path(rempart.portals.__file__).parent
STATIC_LIFETIME_S: Final = 30 * 24 * 3600  # addresses change with the files' content
# Of what is typed: a notification whose every answer is as long as it may be, accents in six bytes.
BODY_LIMIT: Final = 320 * 1024
POOL_SIZE: Final = 8
_PIECE_BYTES: Final = 64 * 1024
WAIT_FOR_CONNECTION_S: Final = 5.0
WAIT_FOR_PROBE_S: Final = 2.0

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledDesk:
    """The portals' tools in a running installation."""

    gateway: GatewayClient
    trusted_proxies: tuple[Network, ...]
    public_url: str
    providers: ProviderBook
    pool: ConnectionPool[Transaction]
    signin_pool: ConnectionPool[Transaction]
    payee_provider: PayeeProvider
    iban_closer: IbanCloser
    prints: PrintSeal
    address_slot: Slot
    quorum: Quorum
    acts: ActsLog
    readings: Readings
    list_log_keys: Callable[[], tuple[NoteVerifier, ...]]
    services: ServiceWatch
    card_root: bytes
    code_seal: CodeSeal = field(repr=False)
    lookup_secret: bytes = field(repr=False)
    blind_key: bytes = field(repr=False)
    known_by: KnownBy = field(repr=False)
    pec_numbers: PecNumbers = field(repr=False)
    member_seal: MemberSeal = field(repr=False)
    contacts_slot: Slot
    letters_to: Path | None
    joiner_slot: Slot
    sensitive_needs_device: bool = False
    unfinished_tiles: UnfinishedTiles = field(default_factory=UnfinishedTiles)
    sealed_files: SealedFiles | None = None
    legal: LegalNotices | None = None

    @property
    def allowances(self) -> Allowances:
        """How often each address may try to come in: counted in the database."""
        return Allowances(self.signin)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Lend a pooled connection inside a transaction.

        Raises:
            psycopg.OperationalError: the database gives no connection, or broke this one.
        """
        with self.pool.connection(timeout=WAIT_FOR_CONNECTION_S) as connection:
            yield connection

    @contextmanager
    def signin(self) -> Iterator[Transaction]:
        """Lend a pooled connection of the role that recognises people, inside a transaction."""
        with self.signin_pool.connection(timeout=WAIT_FOR_CONNECTION_S) as connection:
            yield connection

    def recall(self, lookup_key: bytes) -> uuid.UUID:
        """Return the digest that evidence of erasure keeps of a look-up key."""
        return self.known_by.digest(uuid.UUID(bytes=lookup_key))

    def close_iban(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an account with the public half of its key: this process opens none."""
        return self.iban_closer.close(iban, establishment_ref=establishment_ref)

    def name_contract(self, amc_number: str, contract_number: str) -> int:
        """Return the blind reference of a contract, as feeds compute it."""
        return FeedKeys(amc_number, self.lookup_secret, self.blind_key).contract(contract_number)

    def designate(self, identifiers: Identifiers) -> bytes:
        """Return the look-up key of identifiers: this process cannot read what it leads to."""
        return compute_lookup_key(self.lookup_secret, identifiers)

    def close_address(self, text: str, contact_ref: int) -> bytes:
        """Seal an address with the public half of its key: this process opens none."""
        return self.address_slot.close(text, bound_to=contact_ref)

    def close_joiner(self, text: str, movement_ref: int) -> bytes:
        """Seal who joins an employer's list: this process opens none."""
        return self.joiner_slot.close(text, bound_to=movement_ref)

    @property
    def log_keys(self) -> tuple[NoteVerifier, ...]:
        """The keys of this installation's logs; an exercise begins one while the pages are open."""
        return self.list_log_keys()

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


def create_app() -> WsgiApplication:
    """Build the portals from the environment; granian calls it in each worker."""
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    database = locate_database(settings, home)
    acts = open_acts_log(settings, home, database)
    pool = _open_pool(database, "portals")
    signin_pool = _open_pool(database, "signin")
    gateway = GatewayClient(
        [f"http://127.0.0.1:{port}" for port in settings.gateway_ports],
        public_url=settings.public_url,
        key=SigningKey.from_seed(home.key("portals-client")),
    )
    desk = PooledDesk(
        gateway=gateway,
        services=_watch_services(gateway, pool),
        card_root=load_root(home).public_key,
        code_seal=CodeSeal(home.key("presence")),
        trusted_proxies=settings.trusted_peers,
        public_url=settings.public_url,
        providers=ProviderBook(load_providers(settings, home)),
        pool=pool,
        signin_pool=signin_pool,
        payee_provider=load_payee_provider(settings),
        iban_closer=IbanSeal(home.key("master")).closer,
        prints=open_print_seal(home),
        address_slot=make_letterbox(home.key("master")).slot,
        contacts_slot=open_slot(home.key("master")),
        letters_to=settings.letters_to,
        joiner_slot=make_joiner_box(home.key("master")).slot,
        sensitive_needs_device=settings.sensitive_needs_device,
        quorum=load_quorum(settings.witnesses_file),
        acts=acts,
        readings=Readings(acts),
        list_log_keys=functools.partial(load_log_keys, settings, home),
        lookup_secret=home.key("lookup"),
        blind_key=home.key("blind"),
        known_by=KnownBy(home.key("archive")),
        pec_numbers=PecNumbers(home.key("engagement")),
        member_seal=MemberSeal(home.key("master")),
        sealed_files=open_own_files(settings, home),
        legal=None if settings.legal_file is None else read_legal_notices(settings.legal_file),
    )
    configure_django(
        database=database,
        desk=desk,
        secret=home.key("portals").hex(),
        over_tls=settings.public_url.startswith("https:"),
    )
    return make_application()


def _watch_services(gateway: GatewayClient, pool: ConnectionPool[Transaction]) -> ServiceWatch:
    """Look at the services for as long as this process lives."""

    @contextmanager
    def lend() -> Iterator[Transaction]:
        with pool.connection(timeout=WAIT_FOR_PROBE_S) as connection:
            yield connection

    watch = ServiceWatch(gateway.read_readiness, lend, now=lambda: datetime.now(UTC))
    stop = threading.Event()
    threading.Thread(target=watch.run, args=(stop,), name="services", daemon=True).start()
    atexit.register(stop.set)
    return watch


def _open_pool(database: Database, login: Login) -> ConnectionPool[Transaction]:
    pool = database.pool(login, max_size=POOL_SIZE)
    pool.open(wait=False)
    atexit.register(pool.close)
    return pool


def configure_django(
    *, database: Database, desk: object, secret: str, over_tls: bool = False
) -> None:
    """Give this process its Django settings. May be called once."""
    given = make_django_settings(database, secret, over_tls=over_tls)
    django_settings.configure(**given, REMPART_DESK=desk)
    django.setup()


def make_application() -> WsgiApplication:
    """Return the WSGI application, static files in front; Django is configured already."""
    application: WsgiApplication = WhiteNoise(
        get_wsgi_application(),
        root=str(PORTALS / "static"),
        prefix="static/",
        max_age=STATIC_LIFETIME_S,
        allow_all_origins=False,
        add_headers_function=_add_static_headers,
    )

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        page = application(environ, start_response)
        # A form that was refused unread, a photograph: the server would break the connection off
        # while the front still sends it, and the refusal would be lost.
        while environ["wsgi.input"].read(_PIECE_BYTES):
            pass
        return page

    return answer


def make_django_settings(
    database: Database, secret: str, *, over_tls: bool = False
) -> dict[str, Any]:
    """Return Django's settings but for the desk.

    Args:
        database: Where sessions are kept, in schema accounts.
        secret: Signs CSRF tokens and messages.
        over_tls: Whether browsers see us over TLS: cookies then carry names that no other host,
            not even a neighbour under the same domain, can plant.
    """
    return {
        "SECRET_KEY": secret,
        "DEBUG": False,
        # The host's name only builds the API page's addresses; forms compare Origin with it.
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "rempart.portals.urls",
        "INSTALLED_APPS": ["django.contrib.sessions", "rempart.portals"],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            "csp.middleware.CSPMiddleware",
            "rempart.portals.middleware.PrivacyHeadersMiddleware",
            "rempart.portals.middleware.SecureCookiesMiddleware",
            "rempart.portals.device_binding.DeviceOfferMiddleware",
            "rempart.portals.middleware.LanguageMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "TEMPLATES": [_TEMPLATES],
        "DATABASES": {"default": _describe_database(database)},
        **_INTERNATIONAL,
        **_SECURITY,
        **(_COOKIES_OVER_TLS if over_tls else {}),
        "SESSION_ENGINE": "rempart.portals.session_store",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": BODY_LIMIT,
        "FILE_UPLOAD_HANDLERS": ["rempart.portals.uploads.SmallFileHandler"],
        # A claim of twenty lines.
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 320,
        "APPEND_SLASH": False,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "LOGGING": _LOGGING,
    }


_TEMPLATES: Final = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "rempart.portals.context.describe_visitor",
        ],
    },
}

# A refused form is no event; a fault is, and goes where the service's errors go.
_LOGGING: Final[Mapping[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"bugs": {"()": "rempart.portals.bug_log.BugFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "bugs"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING"},
        "django.request": {"level": "ERROR"},
    },
}

_INTERNATIONAL: Final[Mapping[str, Any]] = {
    "USE_I18N": True,
    "LANGUAGE_CODE": "fr",
    "LANGUAGES": [("fr", "Français"), ("en", "English")],
    "LANGUAGE_COOKIE_NAME": "rempart_language",
    "FORMAT_MODULE_PATH": ["rempart.portals.formats"],
    "LOCALE_PATHS": [str(PORTALS / "locale")],
    "USE_TZ": True,
    "TIME_ZONE": "Europe/Paris",
}

# RFC 6265bis: a browser accepts the prefix from this very host only, Secure and without a domain.
_COOKIES_OVER_TLS: Final[Mapping[str, Any]] = {
    "SESSION_COOKIE_NAME": "__Host-rempart_session",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_NAME": "__Host-rempart_csrf",
    "CSRF_COOKIE_SECURE": True,
}

_SECURITY: Final[Mapping[str, Any]] = {
    "CSRF_FAILURE_VIEW": "rempart.portals.views.public.form_expired",
    "CSRF_COOKIE_NAME": "rempart_csrf",
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_AGE": None,
    "SESSION_COOKIE_NAME": "rempart_session",
    "SESSION_COOKIE_SAMESITE": "Lax",
    # Our front says how the browser came; TLS itself is the deployer's.
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "SECURE_HSTS_SECONDS": 365 * 24 * 3600,
    "SECURE_REFERRER_POLICY": "same-origin",
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
    "CONTENT_SECURITY_POLICY": {
        "DIRECTIVES": {
            "default-src": [NONE],
            "script-src": [SELF],
            "style-src": [SELF],
            "img-src": [SELF, "data:"],
            "connect-src": [SELF],
            "manifest-src": [SELF],
            "worker-src": [SELF],
            "form-action": [SELF],
            "frame-ancestors": [NONE],
            "base-uri": [NONE],
        }
    },
}


def _describe_database(database: Database) -> dict[str, Any]:
    options = {k: v for k, v in database.way.items() if k not in {"host", "port"}}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.name,
        "USER": database.user("portals"),
        "PASSWORD": database.passwords["portals"],
        "HOST": database.address.get("host", ""),
        "PORT": database.address.get("port", ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
    }


def _add_static_headers(headers: Any, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
