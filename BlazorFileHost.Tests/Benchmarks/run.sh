#!/usr/bin/env bash
# Measures the app against peers on this machine: installs what that needs where it may (Debian packages as root, the tus server from npm into
# a temporary directory), builds in Release, and prints a table per scenario. See "Measuring" in the README; --help lists scenarios and options.
set -euo pipefail
cd "$(dirname "$0")/../.."

measuring=true
[[ " $* " == *" --help "* ]] && measuring=false

need=()
for pair in nginx:nginx rclone:rclone curl:curl chromium:chromium gunicorn:gunicorn node:nodejs npm:npm; do
  command -v "${pair%:*}" >/dev/null || [ -x "/usr/sbin/${pair%:*}" ] || need+=("${pair#*:}")
done
/usr/bin/python3 -c 'import flask, flask_login' 2>/dev/null || need+=(python3-flask python3-flask-login)
if $measuring && [ ${#need[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing: ${need[*]}" >&2
    apt-get update -qq
    for package in "${need[@]}"; do
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null || echo "Not to be had: $package" >&2
    done
  else
    echo "Not installed, and not root: ${need[*]}. The tables say who could not take part." >&2
  fi
fi

# On the disk that is measured: everything, the peers' data too, lies below this directory.
work=$(mktemp -d "${FILEHOST_BENCH_DIRECTORY:-${TMPDIR:-/tmp}}/filehost-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
if $measuring && command -v npm >/dev/null; then
  npm install --prefix "$work/npm" --no-audit --no-fund --loglevel=error @tus/server@2.4.5 @tus/file-store@2.1.1 >&2 || echo "The tus server could not be installed." >&2
fi

dotnet build BlazorFileHost.Tests -c Release --nologo -v quiet >&2
dotnet BlazorFileHost.Tests/bin/Release/net10.0/BlazorFileHost.Tests.dll --directory "$work" "$@"
