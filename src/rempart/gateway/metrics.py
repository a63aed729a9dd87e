"""What the gateway counts for Prometheus.

Refuses labels that could identify anyone: they come from closed lists written in the code.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rempart.disclosure.entry import Mode

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class Metrics:
    """The gateway's counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "rempart_rights_checks",
            "Rights checks answered, by what was asked with and what was shown.",
            ("mode", "rights"),
            registry=self.registry,
        )
        self.problems = Counter(
            "rempart_problems", "Problem documents sent.", ("code",), registry=self.registry
        )
        self.seconds = Histogram(
            "rempart_rights_check_seconds",
            "From the first byte read to the answer ready, durable.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "rempart_batch_size",
            "Rights checks written in one transaction.",
            buckets=_SIZES,
            registry=self.registry,
        )
        self.ledger_size = Gauge(
            "rempart_ledger_size", "Entries in this process's log.", registry=self.registry
        )
        self.ledger_open = Gauge(
            "rempart_ledger_open", "1 when the ledger can record.", registry=self.registry
        )
        self.ledger_openings = Counter(
            "rempart_ledger_openings",
            "Times the ledger was opened: 1 is the start, more are recoveries.",
            registry=self.registry,
        )

        self.claims = Counter(
            "rempart_claims",
            "Claims that came in, by format and by whether they could be taken.",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self.tokens = Counter(
            "rempart_tokens",
            "Access tokens given, by what they are bound to.",
            ("bound",),
            registry=self.registry,
        )
        self.token_refusals = Counter(
            "rempart_token_refusals", "Token requests refused.", ("error",), registry=self.registry
        )

        # Bound once: looking a label up costs more than counting.
        self._answers = {
            (mode, is_open): self.answers.labels(mode.name.lower(), "open" if is_open else "closed")
            for mode in Mode
            for is_open in (True, False)
        }

    def count_answer(self, mode: Mode, *, is_open: bool) -> None:
        """Count one answer that is about to leave."""
        self._answers[mode, is_open].inc()

    def format(self) -> bytes:
        """Write everything in the Prometheus text format."""
        return generate_latest(self.registry)
