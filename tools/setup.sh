# tools/setup.sh — sourced by ./run and ./check: what they need on a fresh Debian 12 or Ubuntu 24.04, and how to get it.
# Everything that is installed is named first.  As root, or through sudo.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 2; }

# need_packages COMMAND-OR-PKGCONFIG:PACKAGE … — installs the packages whose command (or pkg-config module, written pc/NAME) is missing.
need_packages() {
    local missing=() want what package
    for want in "$@"; do
        what=${want%%:*} package=${want#*:}
        case $what in
            pc/*) pkg-config --exists "${what#pc/}" 2>/dev/null || missing+=("$package") ;;
            py/*) /usr/bin/python3 -c "import ${what#py/}" 2>/dev/null || missing+=("$package") ;;
            so/*) ls /usr/lib/*/"${what#so/}" >/dev/null 2>&1 || missing+=("$package") ;;
            *)    command -v "$what" >/dev/null 2>&1 || missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 || die "please install: ${missing[*]} (no apt-get here)"
    local sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || die "please install as root: apt-get install ${missing[*]}"
        sudo=sudo
    fi
    say "installing with apt-get: ${missing[*]}"
    $sudo apt-get update -qq >&2 || say "apt-get update failed; trying with the lists that are there"
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 \
        || die "apt-get install failed: ${missing[*]}"
}

# LLVM 19 and what its static libraries want, and clang 19 for the functions that kernels inline, if the system's archive has them: without LLVM
# loops are interpreted.
want_llvm() {
    command -v llvm-config-19 >/dev/null 2>&1 && command -v clang-19 >/dev/null 2>&1 && return 0
    if ! apt-cache show llvm-19-dev >/dev/null 2>&1; then
        say "this system has no package llvm-19-dev: alpy will have no compiler for the CPU"
        return 0
    fi
    need_packages llvm-config-19:llvm-19-dev clang-19:clang-19 no-such-command:libzstd-dev no-such-command:zlib1g-dev
}

need_build_tools() {
    need_packages cc:gcc c++:g++ pkg-config:pkg-config ninja:ninja-build meson:meson re2c:re2c \
        pc/libffi:libffi-dev pc/libpng:libpng-dev
    want_llvm
}

# configure DIR MESON-OPTIONS… — sets the build folder up, or brings its options up to date.
configure() {
    local dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson configure "$dir" "$@" >&2
    else
        meson setup "$dir" "$@" >&2
    fi
}
