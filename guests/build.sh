#!/usr/bin/env bash
# Builds the guest actors into built/, or with --check builds them aside and compares.
#
#   guests/build.sh           build, and write built/*.wasm, built/SHA256SUMS and built/TOOLCHAIN
#   guests/build.sh --check   build aside, and compare byte for byte with what is committed
#
# Two toolchains will do: Debian's (rustc, cargo, libstd-rust-dev-wasm32 and a wasm-ld), or the one on the PATH where it
# has the target wasm32-unknown-unknown. Other compilers make other bytes, so built/TOOLCHAIN says which one made the
# committed modules; with another one --check only checks that the actors build.
#
# Exit codes: 0 well, 1 the build failed or the bytes differ, 64 wrong usage, 69 no toolchain.
set -euo pipefail

readonly TARGET=wasm32-unknown-unknown
readonly ACTORS=(hello counter visits helm keeper)
guests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
readonly guests

# Of stack: more than ten times what these actors use, and an eighth of the default, for the memory of an instance is small.
readonly FLAGS=(-C link-arg=-zstack-size=131072)

main() {
    local check=false
    case "$#:${1-}" in
        0:) ;;
        1:--check) check=true ;;
        *) usage; exit 64 ;;
    esac
    cd "$guests"
    choose_toolchain || { explain_toolchains; exit 69; }
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    build
    if $check; then compare; else install_modules; fi
}

usage() {
    echo "usage: guests/build.sh [--check]" >&2
}

explain_toolchains() {
    cat >&2 <<-'END'
	no toolchain for wasm32-unknown-unknown found; install one of these:
	  apt-get install rustc cargo libstd-rust-dev-wasm32 lld-14    (Debian 12: makes the committed bytes)
	  rustup target add wasm32-unknown-unknown
	END
}

# Sets cargo, rustc and linker, preferring the toolchain that made the committed modules.
choose_toolchain() {
    local candidate
    for candidate in debian path; do
        "use_$candidate" && is_recorded && return
    done
    for candidate in debian path; do
        "use_$candidate" && return
    done
    return 1
}

use_debian() {
    cargo=/usr/bin/cargo rustc=/usr/bin/rustc
    linker=$(command -v wasm-ld-14 || command -v wasm-ld) && has_target
}

use_path() {
    cargo=$(command -v cargo) && rustc=$(command -v rustc) && linker='' && has_target && has_linker
}

has_target() {
    [[ -x $cargo && -x $rustc ]] && compgen -G "$("$rustc" --print sysroot)/lib/rustlib/$TARGET/lib/libstd-*.rlib" >/dev/null
}

# Debian's compiler comes without the linker that others bring along.
has_linker() {
    compgen -G "$("$rustc" --print sysroot)/lib/rustlib/*/bin/rust-lld" >/dev/null
}

is_recorded() {
    [[ -f built/TOOLCHAIN ]] && describe_toolchain | cmp -s - built/TOOLCHAIN
}

describe_toolchain() {
    "$rustc" -vV
    "$cargo" -V
    echo "linker: $(if [[ -n $linker ]]; then "$linker" --version; else echo "of the toolchain"; fi)"
    echo "flags: ${FLAGS[*]} --remap-path-prefix=GUESTS=guests"
}

# Leaves the modules in $work/$TARGET/release. The environment is cleared of what else could change the bytes.
build() {
    local name keep=()
    for name in PATH HOME CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN; do
        [[ -n ${!name-} ]] && keep+=("$name=${!name}")
    done
    [[ -n $linker ]] && keep+=("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker")
    env -i "${keep[@]}" RUSTC="$rustc" CARGO_TARGET_DIR="$work" CARGO_ENCODED_RUSTFLAGS="$(encode_flags)" \
        "$cargo" build --quiet --locked --offline --release --target "$TARGET" "${ACTORS[@]/#/--package=lattice-guest-}" || {
        echo "the guests do not build" >&2
        exit 1
    }
}

# Cargo's form for flags that may hold spaces: separated by the character 0x1f.
encode_flags() {
    local IFS=$'\x1f'
    echo -n "${FLAGS[*]}${IFS}--remap-path-prefix=$guests=guests"
}

module() {
    echo "$work/$TARGET/release/$1.wasm"
}

install_modules() {
    local actor
    mkdir -p built
    for actor in "${ACTORS[@]}"; do
        install -m 644 "$(module "$actor")" "built/$actor.wasm"
    done
    describe_toolchain >built/TOOLCHAIN
    (cd built && sha256sum -- *.wasm | tee SHA256SUMS)
}

compare() {
    (cd built && sha256sum --check --quiet SHA256SUMS) || exit 1
    if ! is_recorded; then
        echo "the guests build; their bytes cannot be compared, for this is not the toolchain of built/TOOLCHAIN:"
        describe_toolchain
        return
    fi
    local actor differs=false
    for actor in "${ACTORS[@]}"; do
        cmp -- "$(module "$actor")" "built/$actor.wasm" || differs=true
    done
    if $differs; then
        echo "the sources make other modules than those in built/; run guests/build.sh and commit what it makes" >&2
        exit 1
    fi
    echo "the guests build to the very bytes in built/"
}

main "$@"
