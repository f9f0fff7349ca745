#!/usr/bin/env bash
# Installs a build into a scratch prefix and builds a program in C against it: through find_package in a project
# without C++, through pkg-config, and as C++, by a compiler that only knows the header and the library's name.
#   run_c.sh SOURCE BUILD SCRATCH
set -euo pipefail
source=$1 build=$2 scratch=$3
rm -rf "$scratch" && mkdir -p "$scratch"
outside=$source/tests/install/outside_c

cmake --install "$build" --prefix "$scratch/prefix" > "$scratch/install.log"
library=$(dirname "$(find "$scratch/prefix" -name 'libheavykeys_c.so.0')")

cmake -S "$outside" -B "$scratch/package" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" > "$scratch/package.log"
cmake --build "$scratch/package" >> "$scratch/package.log"
"$scratch/package/outside_c"

export PKG_CONFIG_PATH=$library/pkgconfig
read -ra flags <<< "$(pkg-config --cflags --libs heavykeys-c)"
"${CC:-cc}" ${CFLAGS:-} -std=c11 -Wall -Wextra -Wpedantic -Werror "$outside/main.c" "${flags[@]}" -Wl,-rpath,"$library" -o "$scratch/by_pkg_config"
"$scratch/by_pkg_config"

"${CXX:-c++}" ${CFLAGS:-} -std=c++20 -Wall -Wextra -Werror -x c++ "$outside/main.c" -x none "${flags[@]}" -Wl,-rpath,"$library" -o "$scratch/as_cpp"
"$scratch/as_cpp"

# The library lies under its soname and needs nothing of ours, so that it can be copied alone.
readelf -dW "$library/libheavykeys_c.so" | grep -q 'SONAME.*\[libheavykeys_c\.so\.0\]'
if readelf -dW "$library/libheavykeys_c.so" | grep -q 'NEEDED.*heavykeys'; then
  [ -e "$library/libheavykeys_core.so" ] || { echo "libheavykeys_c.so needs a library that is not installed" >&2; exit 1; }
fi
