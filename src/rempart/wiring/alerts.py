"""Where alerts go: a syslog receiver or a webhook, as the installation says."""

import time

from rempart import __version__
from rempart.exchange.alert_delivery import Destination
from rempart.exchange.alert_syslog import SyslogSender, parse_syslog_url
from rempart.exchange.alert_webhook import WebhookSender
from rempart.wiring.database import Installation


def open_receiver(installation: Installation, url: str) -> Destination:
    """Return the receiver at an address: a webhook if it is one of the web, syslog if not."""
    if url.startswith(("http:", "https:")):
        return open_webhook(installation, url)
    return open_syslog(installation, url)


def open_syslog(installation: Installation, url: str) -> Destination:
    """Return a syslog receiver."""
    settings = installation.settings
    return SyslogSender(
        parse_syslog_url(url),
        version=__version__,
        roots_file=settings.alert_roots_file,
        certificate_file=settings.alert_certificate_file,
    )


def open_webhook(installation: Installation, url: str) -> Destination:
    """Return a webhook, whose messages are signed with the key `alerts` of the home."""
    settings = installation.settings
    return WebhookSender(
        url,
        key=installation.home.key("alerts"),
        allowed=settings.alert_networks,
        clock_s=lambda: int(time.time()),
        roots_file=settings.alert_roots_file,
        certificate_file=settings.alert_certificate_file,
    )
