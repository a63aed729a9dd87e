#!/bin/sh
# Create the virtual environment from the pinned, hashed requirements: `run` or `dev` (the default), which adds what
# tests and benchmarks need, Spark's half gigabyte among it. Safe to run again; a half-made environment is made anew.
set -eu

KIND=${1:-dev}

PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Rempart needs Python 3.11 or newer; '$PYTHON' is not. Set PYTHON=/path/to/python3.11 and try again." >&2
    exit 1
}

if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    # Debian and Ubuntu ship Python without its venv module.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv (Debian ships Python without it)…"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt install python3-venv" >&2
        exit 1
    fi
fi

echo "Installing the pinned requirements ($KIND) into $VENV (a minute or more the first time)…"
"$PYTHON" -m venv --clear "$VENV"
"$VENV/bin/pip" install --quiet --disable-pip-version-check --no-input --require-hashes -r "requirements/$KIND.txt"
"$VENV/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
