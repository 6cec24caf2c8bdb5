#!/bin/sh
# requirements/environment.sh run|airflow|dev   make or complete the environment .venv from a hashed lock
# requirements/environment.sh lock              resolve the locks anew; further arguments go to uv (--upgrade)
#
# Python 3.11 or later is looked for, or named by $PYTHON. Packages come from the index that pip is
# configured for. uv installs them: the one on the PATH, else one that pip brings. Where uv does not get
# on with the index, pip installs them itself, which takes longer.
set -eu

which=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
venv=$root/.venv
python=$venv/bin/python
unset PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

say() { printf 'environment: %s\n' "$*"; }
fail() { printf 'environment: %s\n' "$*" >&2; exit 1; }

version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }
suits() { "$1" -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || fail "PYTHON=$PYTHON is $(version "$PYTHON" || echo 'no Python'); expected 3.11 or later"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if suits "$candidate"; then echo "$candidate"; return; fi
    done
    fail "no Python 3.11 or later on the PATH (python3 is $(version python3 || echo missing));" \
        "name one: make PYTHON=/path/to/python3.12"
}

make_venv() {
    base=$(find_python)
    "$base" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$base cannot make virtual environments; install its venv package (Debian, Ubuntu: python3-venv)"
    say "making .venv with Python $(version "$base")"
    rm -rf "$venv"
    "$base" -m venv "$venv" || { rm -rf "$venv"; fail "$base -m venv .venv failed"; }
}

# An environment knows its own place by heart: one that was copied with the tree, or left half made, is useless.
is_ours() {
    grep -qF -- "-m venv $venv" "$venv/pyvenv.cfg" 2>/dev/null && suits "$python" &&
        "$python" -m pip --version >/dev/null 2>&1
}

# What pip is told by its files or the environment, for uv, which reads neither.
pip_setting() {
    "$python" -m pip config list 2>/dev/null |
        sed -n "s/^:env:\.$1='\(.*\)'\$/\1/p; s/^global\.$1='\(.*\)'\$/\1/p; s/^install\.$1='\(.*\)'\$/\1/p" |
        sed 's/\\n/ /g' | head -n 1
}
tell_uv() {
    index=$(pip_setting index-url)
    more=$(pip_setting extra-index-url)
    cert=$(pip_setting cert)
    [ -z "$index" ] || export UV_INDEX_URL="${UV_INDEX_URL:-$index}"
    [ -z "$more" ] || export UV_EXTRA_INDEX_URL="${UV_EXTRA_INDEX_URL:-$more}"
    [ -z "$cert" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$cert}"
    # As pip does it: the best version of all indexes. Hashes say which file is the right one.
    export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
    mkdir -p "${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv}" 2>/dev/null || export UV_NO_CACHE=1
}

find_uv() {
    if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then echo uv; return; fi
    if [ ! -x "$venv/bin/uv" ]; then
        "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            -r requirements/bootstrap.lock >&2 || return 1
    fi
    echo "$venv/bin/uv"
}

install() {
    if uv=$(find_uv) && "$uv" pip install --quiet --python "$python" --compile-bytecode "$@"; then return; fi
    say "uv did not manage; trying with pip"
    "$python" -m pip install --quiet --disable-pip-version-check "$@"
}

lock() {
    uv=$(find_uv) || fail "uv cannot be had"
    set -- pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --overrides requirements/overrides.txt "$@" pyproject.toml
    set -- "$@" --extra demo
    "$uv" "$@" -o requirements/run.lock
    "$uv" "$@" --extra airflow -c requirements/run.lock -o requirements/airflow.lock
    "$uv" "$@" --extra airflow --extra dev --extra docs -c requirements/airflow.lock -o requirements/dev.lock
}

is_ours || make_venv
tell_uv
if [ "$which" = lock ]; then lock "$@"; exit; fi
say "installing requirements/$which.lock"
install --no-deps --require-hashes -r "requirements/$which.lock" ||
    fail "the packages cannot be installed; does pip reach a package index?"
install --no-deps --no-build-isolation -e . || fail "the project itself cannot be installed"
say "ready"
