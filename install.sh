#!/bin/sh
# Installs `connect` and `connect-agent` for this user.
#
#   ./install.sh --from-source     builds this checkout and installs it
#   ./install.sh                   downloads a release and checks its SHA-256
#
#   --to DIR       where to (default: $XDG_BIN_HOME, else ~/.local/bin)
#   --uninstall    removes what this script installed there
#   --dry-run      says what would be done and does nothing
#
# The manual pages go to $XDG_DATA_HOME/man/man1, else ~/.local/share/man/man1.
#
# It never uses sudo, never edits a shell's files, and never replaces a `connect` that is not ours.
# Environment: CONNECT_RELEASE_URL (folder with the archives and SHA256SUMS), CONNECT_VERSION.

main() {
  set -eu
  umask 022
  source=download
  action=install
  dry=no
  marker=.connect-installed
  pages=.connect-pages
  to=${XDG_BIN_HOME:-${HOME:?set HOME, or give --to DIR}/.local/bin}
  while [ $# -gt 0 ]; do
    case "$1" in
      --from-source) source=build ;;
      --uninstall) action=uninstall ;;
      --dry-run) dry=yes ;;
      --to) [ $# -ge 2 ] || usage_error '--to needs a folder'; shift; to=$1 ;;
      --to=*) to=${1#--to=} ;;
      -h | --help) usage; return 0 ;;
      *) usage_error "unknown argument \`$1\`" ;;
    esac
    shift
  done
  [ -n "$to" ] || usage_error '--to needs a folder'
  case "$to" in /*) ;; *) to=$(pwd)/$to ;; esac

  if [ "$action" = uninstall ]; then uninstall; return; fi
  refuse_foreign
  if [ "$source" = build ]; then from_source; else from_release; fi
  [ "$dry" = yes ] || after_words
}

usage() {
  cat <<'USAGE'
Installs `connect` and `connect-agent` for this user.

usage: ./install.sh [--from-source] [--to DIR] [--uninstall] [--dry-run]

  --from-source  build this checkout instead of downloading a release
  --to DIR       where to (default: $XDG_BIN_HOME, else ~/.local/bin)
  --uninstall    remove what this script installed there
  --dry-run      say what would be done and do nothing
USAGE
}

say() { printf '%s\n' "$*" >&2; }
fail() { code=$1; shift; say "error: $1"; shift; for next in "$@"; do say "  next: $next"; done; exit "$code"; }
usage_error() { fail 2 "$1" './install.sh --help'; }

# Says a step, and carries it out unless this is a dry run.
step() {
  say "  $*"
  [ "$dry" = yes ] || "$@"
}

# --- what is ours --------------------------------------------------------------------------------

# Several programs are called `connect`. Ours is the one whose checksum this script wrote down when it
# put it there; anything else at that place stays. (Asking it for its name would mean running it.)
is_ours() {
  [ -f "$1" ] && [ -f "$to/$marker" ] && grep -qxF "$(sum_of "$1") $2" "$to/$marker"
}

sum_of() { cksum <"$1" | tr ' ' '-'; }

refuse_foreign() {
  for program in connect connect-agent; do
    there=$to/$program
    if [ -e "$there" ] || [ -L "$there" ]; then
      is_ours "$there" "$program" || fail 9 \
        "\`$there\` is there already and is not what this script installed; it is left alone" \
        './install.sh --from-source --to ANOTHER_FOLDER'
    fi
  done
}

uninstall() {
  found=no
  for program in connect connect-agent; do
    there=$to/$program
    [ -e "$there" ] || continue
    if is_ours "$there" "$program"; then found=yes; step rm -f "$there"
    else say "  \`$there\` is not what this script installed; it is left alone"; fi
  done
  if [ "$found" = yes ]; then
    step rm -f "$to/$marker"
    forget_pages
    say 'Removed. Settings and sign-ins stay in ~/.config/connect and ~/.local/state/connect.'
  else
    say "Nothing of ours is in $to."
  fi
}

# --- from source ---------------------------------------------------------------------------------

from_source() {
  here=$(cd "$(dirname "$0")" && pwd)
  [ -f "$here/cli/Cargo.toml" ] || fail 9 \
    '--from-source builds the checkout that this script lies in, and there is none around it'
  command -v cargo >/dev/null 2>&1 || fail 9 'cargo is missing: building needs a Rust toolchain' 'https://rustup.rs'
  system_packages
  say 'Building (about ten minutes the first time) …'
  target=${CARGO_TARGET_DIR:-$here/target}
  step cargo build --manifest-path "$here/Cargo.toml" --release --locked --package connect --package connect-agent
  install_programs "$target/release"
}

# What a Debian machine lacks: libclang and a C compiler to build, PostgreSQL for the demo.
system_packages() {
  missing=
  [ -n "$(find /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/local/lib -name 'libclang*.so*' ! -name 'libclang-cpp*' -print 2>/dev/null | head -n 1)" ] ||
    [ -n "${LIBCLANG_PATH:-}" ] || missing="$missing libclang-dev"
  command -v cc >/dev/null 2>&1 || missing="$missing build-essential"
  if ! command -v initdb >/dev/null 2>&1 && [ -z "$(find /usr/lib/postgresql -name initdb -print 2>/dev/null | head -n 1)" ]; then
    missing="$missing postgresql"
  fi
  command -v psql >/dev/null 2>&1 || missing="$missing postgresql-client"
  missing=${missing# }
  [ -n "$missing" ] || return 0
  line="apt-get install -y --no-install-recommends $missing"
  command -v apt-get >/dev/null 2>&1 || fail 9 "the build or the demo needs these Debian packages, or their like here: $missing"
  [ "$(id -u)" = 0 ] || fail 9 "the build or the demo needs packages that only root may install: $missing" "as root: $line"
  say "Installing $missing …"
  # The demo starts a server of its own; the package need not start another.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    step mkdir -p /etc/postgresql-common
    step sh -c 'echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf'
  fi
  step apt-get update -q
  # shellcheck disable=SC2086  # a list of names
  step env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
}

# --- a release -----------------------------------------------------------------------------------

from_release() {
  version=${CONNECT_VERSION:-latest}
  url=${CONNECT_RELEASE_URL:-}
  [ -n "$url" ] || fail 9 'there are no published releases yet' \
    './install.sh --from-source' 'set CONNECT_RELEASE_URL to a folder with archives and SHA256SUMS of your own'
  archive="connect-$version-$(platform).tar.gz"
  if [ "$dry" = yes ]; then
    say "  download $url/$archive and $url/SHA256SUMS"
    say "  check the SHA-256 of $archive"
    install_programs DOWNLOAD
    return
  fi
  folder=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder is known now
  trap "rm -rf '$folder'" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  fetch "$url/SHA256SUMS" "$folder/SHA256SUMS"
  fetch "$url/$archive" "$folder/$archive"
  check_sum "$folder" "$archive"
  mkdir "$folder/out"
  tar -xzf "$folder/$archive" -C "$folder/out"
  install_programs "$folder/out"
}

platform() {
  case "$(uname -s)/$(uname -m)" in
    Linux/x86_64) echo x86_64-unknown-linux-gnu ;;
    Linux/aarch64) echo aarch64-unknown-linux-gnu ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    Darwin/arm64) echo aarch64-apple-darwin ;;
    *) fail 9 "there is no release for $(uname -s) on $(uname -m)" './install.sh --from-source' ;;
  esac
}

fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --proto '=https,file' --proto-redir '=https' --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget --quiet --https-only --output-document="$2" "$1"
  else
    fail 9 'neither curl nor wget is installed'
  fi || fail 7 "cannot download $1; there are no published releases yet" './install.sh --from-source'
}

# The archive is used only if the list names it once and its sum is the one named there.
check_sum() {
  want=$(awk -v name="$2" '$2 == name || $2 == "*" name { print $1 }' "$1/SHA256SUMS")
  case "$want" in
    *[!0-9a-f]* | '') fail 10 "SHA256SUMS does not name $2 exactly once; nothing was installed" ;;
  esac
  if command -v sha256sum >/dev/null 2>&1; then have=$(sha256sum "$1/$2"); else have=$(shasum -a 256 "$1/$2"); fi
  have=${have%% *}
  [ "$have" = "$want" ] || fail 10 "the SHA-256 of $2 is $have, not $want; nothing was installed"
}

# --- both ----------------------------------------------------------------------------------------

# Each program is put beside its place and moved there at once, so that nobody runs half a file. What is
# ours is written down before: if this is interrupted, both the old and the new file are known as ours.
install_programs() {
  say "Installing into $to"
  step mkdir -p "$to"
  for program in connect connect-agent; do
    step cp "$1/$program" "$to/.$program.new"
    step chmod 755 "$to/.$program.new"
  done
  [ "$dry" = yes ] || mark >>"$to/$marker"
  for program in connect connect-agent; do step mv -f "$to/.$program.new" "$to/$program"; done
  [ "$dry" = yes ] || tail -n 2 "$to/$marker" >"$to/$marker.new"
  step mv -f "$to/$marker.new" "$to/$marker"
  if [ "$dry" = no ]; then install_pages; fi
}

# Manual pages, which the program itself writes. A page of somebody else's `connect` stays.
install_pages() {
  man=${XDG_DATA_HOME:-${HOME:-}/.local/share}/man/man1
  case "$man" in /.local/*) return 0 ;; esac
  made=$(mktemp -d)
  if "$to/connect" man --to "$made" >/dev/null 2>&1 && [ -n "$(ls "$made")" ]; then
    forget_pages
    say "Installing manual pages into $man"
    mkdir -p "$man"
    for page in "$made"/connect*.1; do
      there=$man/$(basename "$page")
      if [ -e "$there" ] || [ -L "$there" ]; then
        say "  \`$there\` is there already and is not ours; it is left alone"
      else
        echo "$there" >>"$to/$pages"
        cp "$page" "$there"
      fi
    done
  fi
  rm -rf "$made"
}

# Removes the pages that this script put there.
forget_pages() {
  [ -f "$to/$pages" ] || return 0
  while IFS= read -r there; do step rm -f "$there"; done <"$to/$pages"
  step rm -f "$to/$pages"
}

mark() { for program in connect connect-agent; do echo "$(sum_of "$to/.$program.new") $program"; done; }

after_words() {
  say "Installed $("$to/connect" --version) in $to"
  case ":$PATH:" in
    *":$to:"*)
      first=$(command -v connect || true)
      [ "$first" = "$to/connect" ] || say "Note: \`connect\` on your PATH is $first; put $to before it."
      ;;
    *) say "  PATH:         export PATH=\"$to:\$PATH\"" ;;
  esac
  say "  completions:  source <(connect completions bash)      (also zsh, fish, powershell)"
  say "  try it:       connect demo"
}

main "$@"
