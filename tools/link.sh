#!/bin/sh
# Links the program of this folder, its manual page and its completion to where a shell finds them:
#
#     tools/link.sh make | remove
#
# That is /usr/local for root and ~/.local for everybody else; PREFIX names another place. What is there
# already stays as it is, unless it is our link or leads nowhere.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd)
if [ -z "${PREFIX:-}" ]; then
    [ "$(id -u)" = 0 ] && PREFIX=/usr/local || PREFIX="$HOME/.local"
fi

each() {
    "$1" "$here/.venv/bin/capsule" "$PREFIX/bin/capsule"
    (cd deploy/share && find . -type f) | sed 's#^\./##' | while read -r file; do
        "$1" "$here/deploy/share/$file" "$PREFIX/share/$file"
    done
}

is_ours() { [ -L "$1" ] && [ "$(readlink "$1")" = "$2" ]; }

link() {
    if [ -e "$2" ] && ! is_ours "$2" "$1"; then
        echo "$2 is there already and is no link to this folder; move it away first." >&2
        exit 1
    fi
    mkdir -p "$(dirname "$2")"
    ln -sfn "$1" "$2"
}

unlink_ours() { ! is_ours "$2" "$1" || rm "$2"; }

case "${1:?make or remove}" in
    make)
        each link
        echo "Now \`capsule\` is $PREFIX/bin/capsule, and \`man capsule\` tells of all its commands."
        case ":$PATH:" in
            *":$PREFIX/bin:"*) ;;
            *) echo "$PREFIX/bin is not on the PATH of this shell; most find it after the next login." ;;
        esac
        ;;
    remove) each unlink_ours ;;
    *) echo "tools/link.sh make or remove" >&2; exit 2 ;;
esac
