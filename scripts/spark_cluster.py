"""A Spark standalone cluster on this machine: one master, two workers, nothing beyond loopback."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

START_LIMIT_S = 120
STOP_LIMIT_S = 20
WORKERS = 2
# A Java that starts soon: nothing here runs long enough to be worth compiling well.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# What the driver reads: small, quiet, on loopback.
DEFAULTS = f"""\
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.driver.memory 512m
spark.executor.memory 512m
spark.sql.shuffle.partitions 2
spark.driver.extraJavaOptions {JAVA}
spark.executor.extraJavaOptions {JAVA}
"""


@contextlib.contextmanager
def running_cluster(path: Path) -> Iterator[str]:
    """Start a cluster whose files are in `path`; yield its address; leave no process behind."""
    if shutil.which("java") is None:
        raise RuntimeError("Spark needs Java 17: apt install openjdk-17-jre-headless")
    port = _find_port()
    address = f"spark://127.0.0.1:{port}"
    with _environment(path), contextlib.ExitStack() as running:
        log = path / "master.log"
        running.enter_context(
            _running(log, "Master", "--port", str(port), "--webui-port", str(_find_port()))
        )
        _wait_for(log, "New state: ALIVE", 1)
        for number in range(WORKERS):
            running.enter_context(
                _running(
                    path / f"worker-{number}.log",
                    *("Worker", "--cores", "1", "--memory", "1g", "--webui-port", "0"),
                    *("--work-dir", str(path / f"work-{number}"), address),
                )
            )
        _wait_for(log, "Registering worker", WORKERS)
        try:
            yield address
        finally:
            _stop_driver()


@contextlib.contextmanager
def _environment(path: Path) -> Iterator[None]:
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("pyspark is not installed: make setup-dev")
    [home] = found.submodule_search_locations
    settings = path / "conf"
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text(DEFAULTS)
    wanted = {
        "SPARK_HOME": home,
        "SPARK_CONF_DIR": str(settings),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(path / "scratch"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": JAVA,
        "SPARK_LAUNCHER_OPTS": JAVA,
    }
    with patch.dict(os.environ, wanted):
        yield


@contextlib.contextmanager
def _running(log: Path, role: str, *arguments: str) -> Iterator[None]:
    command = [
        str(Path(os.environ["SPARK_HOME"]) / "bin" / "spark-class"),
        f"org.apache.spark.deploy.{role.lower()}.{role}",
        *("--host", "127.0.0.1", *arguments),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield
    finally:
        # The group: a worker's executors are processes of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(log: Path, words: str, times: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while log.read_text(errors="replace").count(words) < times:
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"Spark did not start in {START_LIMIT_S} s: {log.read_text()[-3000:]}"
            )
        time.sleep(0.1)


def _stop_driver() -> None:
    """Stop the driver's Java process, which outlives its session."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway  # noqa: SLF001 - there is no public way to end it
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(STOP_LIMIT_S)
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
