#!/bin/sh
# The browser journeys need Chromium: install it where that is ours to do, or say how.
set -eu

command -v chromium >/dev/null && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests…"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
    echo "The browser tests need Chromium. On Debian: sudo apt install chromium" >&2
    exit 1
fi
