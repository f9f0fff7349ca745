#!/usr/bin/env bash
# What each Debian package gets, by the components of the install: nothing twice, nothing left out.
#   components.sh BUILD SCRATCH
set -euo pipefail
build=$1 scratch=$2
rm -rf "$scratch" && mkdir -p "$scratch"

files() { (cd "$scratch/$1" && find . ! -type d | sort); }
cmake --install "$build" --prefix "$scratch/all" > /dev/null
for component in runtime dev tools; do
  cmake --install "$build" --prefix "$scratch/$component" --component "$component" > /dev/null
done
has() { files "$1" | grep -q -- "$2" || { echo "$1 lacks $2" >&2; exit 1; }; }
has_not() { ! files "$1" | grep -- "$2" >&2 || { echo "is in $1" >&2; exit 1; }; }

has tools /bin/heavykeys$
has tools /man1/heavykeys.1$
has tools /bash-completion/completions/heavykeys$
has dev /include/heavykeys/sketch.hpp$
has dev /heavykeysConfig.cmake$
has dev /heavykeys.pc$
has dev /libheavykeys_c.so$
has runtime '/libheavykeys_c.so.0$'
has_not runtime '\.hpp$\|\.so$\|\.a$\|/bin/'
has_not dev '/bin/\|\.so\.[0-9]'
has_not tools '\.so\|\.hpp$'

{ files runtime; files dev; files tools; } | sort > "$scratch/parts"
files all > "$scratch/whole"
diff "$scratch/whole" "$scratch/parts"
"$scratch/tools/bin/heavykeys" --version
gzip -dc "$scratch/dev/share/doc/libheavykeys-dev/changelog.gz" | grep -q '^# Changelog'
