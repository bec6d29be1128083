#!/usr/bin/env bash
# Installs the Debian packages that a build (`build`) or the browser test (`browser`) needs and that are missing.
set -euo pipefail
packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
need cmake cmake
need cc build-essential
need c++ build-essential
# The solver's bindings need libclang; clang finds it by these names.
ls /usr/lib/llvm-*/lib/libclang.so* /usr/lib/*/libclang*.so* >/dev/null 2>&1 || packages+=(libclang-dev)
if [ "${1:-build}" = browser ]; then
  command -v "${CHROMIUM:-chromium}" >/dev/null 2>&1 || packages+=(chromium)
  need node nodejs
  need npm npm
fi
[ ${#packages[@]} -eq 0 ] && exit 0
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "error: missing ${packages[*]}; install them, or run as root" >&2; exit 2; }
  run=(sudo)
fi
command -v apt-get >/dev/null || { echo "error: missing ${packages[*]}; this is no Debian system, install them by its own means" >&2; exit 2; }
echo "installing ${packages[*]}"
"${run[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq "${packages[@]}" >/dev/null
