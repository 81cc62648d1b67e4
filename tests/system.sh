#!/usr/bin/env bash
# Installs what some tests drive (a browser, a database, Chinese fonts) where CI runs as root with apt; changes nothing elsewhere.
set -euo pipefail

missing=()
command -v chromium > /dev/null || missing+=(chromium)
ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || missing+=(postgresql)
fc-list ':lang=zh' 2> /dev/null | grep -q . || missing+=(fonts-noto-cjk)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ -z "${CI:-}" ] || [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "not on this system: ${missing[*]}; the tests that need them will skip"
  exit 0
fi
log=$(mktemp)
if apt-get update > "$log" 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}" >> "$log" 2>&1; then
  echo "installed: ${missing[*]}"
else
  tail -n 5 "$log"
  echo "could not install: ${missing[*]}; the tests that need them will skip"
fi
