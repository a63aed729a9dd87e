#!/bin/sh
# The browser journeys need Chromium, and the program that drives it needs libatomic: install them
# where that is ours to do, or say how.
set -eu
PATH=$PATH:/usr/sbin:/sbin

command -v chromium >/dev/null && ldconfig -p | grep -q 'libatomic\.so\.1' && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests…"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium libatomic1 >/dev/null
else
    echo "The browser tests need Chromium. On Debian: sudo apt install chromium libatomic1" >&2
    exit 1
fi
