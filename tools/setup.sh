#!/bin/sh
# Makes .venv ready for one of three layers of requirements, each holding the one before:
#
#     tools/setup.sh runtime | test | all
#
# It does nothing (in some 20 ms) when the layer is there already. A stamp in .venv remembers what was installed: the
# lock file, pyproject.toml and the folder the project lies in. Changes to our own code need no set-up, because
# the project is installed as a link to src/.
set -eu
cd "$(dirname "$0")/.."
layer="${1:?which layer: runtime, test or all}"
venv=.venv
python="$venv/bin/python"

say() { printf '%s\n' "$*"; }
fail() {
    printf '\nSet-up stopped: %s\n' "$*" >&2
    exit 1
}
elapsed() { echo $(($(date +%s) - began)); }

# --- Is it there already? -------------------------------------------------------------------------------------

fingerprint() { { cat "requirements/$1.lock" pyproject.toml && pwd; } | cksum; }

is_ready() {
    case "$layer" in
        runtime) holders="runtime test all" ;;
        test) holders="test all" ;;
        all) holders="all" ;;
        *) fail "there is no layer '$layer', only runtime, test and all." ;;
    esac
    for holder in $holders; do
        stamp="$venv/.ready-$holder"
        if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint "$holder")" ]; then
            return 0
        fi
    done
    return 1
}

# --- A Python that is new enough ------------------------------------------------------------------------------

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || fail "there is no '$PYTHON' on this machine."
        is_new_enough "$PYTHON" ||
            fail "MemoryCapsule needs Python 3.11 or newer, and '$PYTHON' is $(version_of "$PYTHON")."
        chosen="$PYTHON"
        return
    fi
    for chosen in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$chosen" >/dev/null 2>&1 && is_new_enough "$chosen"; then
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then
        fail "MemoryCapsule needs Python 3.11 or newer, and python3 here is $(version_of python3). If a newer one" \
            "is installed elsewhere, name it: make PYTHON=/path/to/python3.12 demo"
    fi
    fail "there is no python3 on this machine; install Python 3.11 or newer."
}

# --- .venv ------------------------------------------------------------------------------------------------------

# Debian keeps what `python3 -m venv` needs in a package of its own.
allow_venv() {
    "$chosen" -c 'import ensurepip, venv' 2>/dev/null && return
    package="python$(version_of "$chosen")-venv"
    if [ ! -f /etc/debian_version ] || ! command -v apt-get >/dev/null 2>&1; then
        fail "$chosen was built without its modules venv and ensurepip; install them with your system's packages."
    fi
    [ "$(id -u)" = 0 ] ||
        fail "Debian keeps a part of Python in a package of its own. Install it and run the same command again:" \
            "sudo apt-get install $package"
    say "Installing the Debian package $package, which 'python3 -m venv' needs ..."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"; } \
        >/dev/null 2>&1 || fail "the Debian package $package could not be installed; try: apt-get install $package"
}

make_venv() {
    download=""
    if [ -x "$python" ] && "$python" -m pip --version >/dev/null 2>&1 && is_new_enough "$python"; then
        if [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$python")" ]; then
            return
        fi
        say "The $venv here has Python $(version_of "$python"); making it anew with $(version_of "$PYTHON") ..."
    else
        say "Making $venv with Python $(version_of "$chosen") ..."
    fi
    allow_venv
    download=" (about 200 MB to fetch)"
    "$chosen" -m venv --clear "$venv" ||
        fail "'$chosen -m venv $venv' did not work; the lines above say why. Is the disk full, or the folder read-only?"
}

# --- Requirements -----------------------------------------------------------------------------------------------

# pip's own words, without addresses: what a mirror is called is nobody's business in a pasted log.
pip_said() {
    grep -E '^ *(ERROR|error)|No space|Errno' "$pip_log" | sed -E -e 's#[a-z+]+://[^ ,)]*#(address)#g' \
        -e "s#host='[^']*'#host=(address)#g" | cut -c 1-240 | tail -n 4
}

explain_pip() {
    if grep -q 'DO NOT MATCH THE HASHES' "$pip_log"; then
        fail "a downloaded package is not the one the lock file names (its hash differs), so nothing was installed" \
            "from it. Try again; if it stays so, do not trust this network."
    elif grep -qE 'No space left|Errno 28' "$pip_log"; then
        fail "the disk is full; about 800 MB are needed."
    elif grep -qE 'Temporary failure|NewConnectionError|Name or service|Connection|timed out|Timeout|Max retries|ProxyError' \
        "$pip_log"; then
        fail "the Python packages could not be fetched: no connection to the package index. Set-up needs the network once."
    fi
    pip_said >&2
    fail "the Python packages could not be installed; pip's last words are above."
}

pip_install() {
    # --no-compile: bytecode is written when a module is first used, which saves several seconds here.
    "$python" -m pip --disable-pip-version-check --no-input install -qq --no-compile "$@" >"$pip_log" 2>&1 || explain_pip
}

install() {
    pip_log="$(mktemp)"
    trap 'rm -f "$pip_log"' EXIT
    rm -f "$venv/.ready-$layer"
    say "Installing the pinned packages of requirements/$layer.lock$download ..."
    pip_install --require-hashes --only-binary :all: -r "requirements/$layer.lock"
    pip_install --no-deps --no-build-isolation -e .
    fingerprint "$layer" >"$venv/.ready-$layer"
}

is_ready_for_python() { [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$python")" ]; }

if is_ready && [ -x "$python" ] && is_ready_for_python; then
    exit 0
fi
began=$(date +%s)
choose_python
make_venv
install
say "Set-up done in $(elapsed) s. It is not needed again until the lock file changes."
