#!/bin/sh
# Proofs of the ledger are judged by the Go reference implementation, timestamps are made by openssl:
# install what is missing where that is ours to do, or say how.
set -eu

GO_REFERENCE=/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog
command -v go >/dev/null && test -d "$GO_REFERENCE" && command -v openssl >/dev/null && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the Go reference implementation of transparency logs…"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go golang-golang-x-mod-dev openssl >/dev/null
else
    echo "The tests of proofs need the Go reference. On Debian: sudo apt install golang-go golang-golang-x-mod-dev openssl" >&2
    exit 1
fi
