#!/usr/bin/env bash
# Installs the Debian packages that the editor tests need, where they are missing:
# Neovim, Emacs, a browser with a font for the emoji of the example, and what code-server's native modules are built
# and run with.
set -euo pipefail

wanted=(chromium fonts-noto-color-emoji ripgrep libkrb5-dev g++ make neovim emacs-nox elpa-eglot)
missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "This is no Debian system. Install these packages by hand: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "Packages are missing, and there is no sudo. As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "Installing Debian packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists may be old, or not there at all in a new container.
"${as_root[@]}" apt-get update --quiet
"${as_root[@]}" apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
