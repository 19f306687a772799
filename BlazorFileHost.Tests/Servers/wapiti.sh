#!/usr/bin/env bash
# A scanner that no one here wrote (Debian: wapiti) against the app, which it starts over a directory of its own on loopback: once as nobody, once as
# somebody who is signed in. Prints what it reports, what is known with its explanation, and ends with 1 when there is something that has none. See
# SECURITY.md. About ten minutes.
# usage: wapiti.sh [directory of the built app] [port]
set -euo pipefail
cd "$(dirname "$0")/../.."
app=${1:-BlazorFileHost/bin/Debug/net10.0}
port=${2:-15090}
site=http://127.0.0.1:$port
work=$(mktemp -d)
finish() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
DataDirectory=$work/data Storage__Reserve=0 Limits__FailuresPerAddress=1000000 Limits__RegistrationsPerAddress=1000000 \
  dotnet "$app/BlazorFileHost.dll" --urls "$site" >"$work/log" 2>&1 &
server=$!
trap finish EXIT
for _ in $(seq 300); do grep -q 'Application started' "$work/log" && break; sleep 0.2; done

# Somebody with an account and a file, by the forms of the pages.
curl() { command curl -sS -b "$work/jar" -c "$work/jar" "$@"; }
password='violet kettle under the stairs'
token() { grep -o 'name="__RequestVerificationToken" value="[^"]*"' | head -1 | cut -d'"' -f4; }
form=$(curl "$site/account/register" | token)
curl -o /dev/null --data-urlencode "__RequestVerificationToken=$form" -d _handler=register -d Input.Email=ada@example.org \
  --data-urlencode "Input.Password=$password" --data-urlencode "Input.ConfirmPassword=$password" "$site/account/register"
printf 'hello' >"$work/a.txt"
curl -o /dev/null -X POST -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' -H "Upload-Metadata: filename $(printf a.txt | base64)" \
  -H 'Content-Type: application/offset+octet-stream' --data-binary "@$work/a.txt" "$site/uploads"
[ "$(curl -o /dev/null -w '%{http_code}' "$site/account/session")" = 200 ] || { echo 'The scanner could not sign in.' >&2; exit 2; }
cookies=$(awk '!/^#( |$)/ && NF >= 7 { printf "%s%s=%s", sep, $6, $7; sep = "; " }' "$work/jar")

# Debian's 3.0.4 has a pattern that Python has no longer taken since 3.11 (flags in its midst).
wapiti() {
  /usr/bin/python3 -c '
import fnmatch, re
import wapitiCore.net.crawler as crawler
crawler.wildcard_translate = lambda pattern: re.compile(fnmatch.translate(pattern))
from wapitiCore.main.wapiti import wapiti_main
wapiti_main()
' "$@"
}

status=0
scan() {
  local who=$1
  shift
  # All but what would ask somewhere else than here (ssrf, xxe, wapp) or tries words (buster, nikto, brute_login_form).
  wapiti -u "$site/" --scope folder -d 4 --max-scan-time 240 --flush-session --no-bugreport -v 0 -f json -o "$work/$who.json" \
    -m backup,blindsql,cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,shellshock,sql,xss \
    -x "$site/account/logout" -x "$site/account/manage/delete" "$@" >"$work/$who.out" 2>&1 || { cat "$work/$who.out" >&2; status=2; return; }
  echo "== $who"
  python3 - "$work/$who.json" <<'PY' || status=1
import json, sys

# What it reports and why that is as it should be.
EXPLAINED = {
    'X-Frame-Options is not set': "the policy says frame-ancestors 'none', which browsers heed instead",
    'X-XSS-Protection is not set': 'browsers have it no more: it made holes of its own',
    'Strict-Transport-Security is not set': 'this scan goes by http; with an https PublicUrl it is set (FrontDoorTests)',
    'Secure flag is not set in the cookie : BlazorFileHost.Form': 'likewise',
    'HttpOnly flag is not set in the cookie : BlazorFileHost.Form': 'it is, in small letters, which RFC 6265 (5.2) takes and the scanner does not',
}

report = json.load(open(sys.argv[1]))
found = 0
seen = set()
for kind in ('vulnerabilities', 'anomalies'):
    for name, entries in report.get(kind, {}).items():
        for entry in entries:
            line = (kind, name, entry['method'], entry['path'], entry['info'])
            if line in seen:
                continue
            seen.add(line)
            why = EXPLAINED.get(entry['info'])
            found += why is None
            print(f"{name}: {entry['method']} {entry['path']}: {entry['info']}{'' if why is None else f' -- explained: {why}'}")
print(f'{found} not explained')
sys.exit(1 if found else 0)
PY
}
scan nobody
scan somebody -H "Cookie: $cookies"
grep -aE '^(warn|fail|crit): ' -A2 "$work/log" | head -40 || true
exit "$status"
