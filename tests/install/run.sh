#!/usr/bin/env bash
# Installs a build into a scratch prefix and builds a program outside the project against it: through
# find_package, through pkg-config, and against the sources through add_subdirectory.
#   run.sh SOURCE BUILD SCRATCH MPI CUDA
set -euo pipefail
source=$1 build=$2 scratch=$3 mpi=$4 cuda=$5
rm -rf "$scratch" && mkdir -p "$scratch"
outside=$source/tests/install/outside

cmake --install "$build" --prefix "$scratch/prefix" > "$scratch/install.log"
"$scratch/prefix/bin/heavykeys" engines > /dev/null

cmake -S "$outside" -B "$scratch/package" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DWITH_MPI="$mpi" -DWITH_CUDA="$cuda" > /dev/null
cmake --build "$scratch/package" > /dev/null
"$scratch/package/outside"
if [ "$mpi" = ON ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  mpirun --oversubscribe -np 3 "$scratch/package/outside_mpi"
fi
if [ "$cuda" = ON ]; then
  "$scratch/package/outside_cuda"
fi

absent=cuda
if [ "$cuda" = ON ]; then
  absent=abacus  # a name that no build has
fi
if cmake -S "$outside" -B "$scratch/absent" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" -DABSENT="$absent" -DCMAKE_PROJECT_INCLUDE="$source/tests/install/absent.cmake" > "$scratch/absent.log" 2>&1; then
  echo "a component that was not built was found" >&2
  exit 1
fi
grep -q "heavykeys has no component $absent" "$scratch/absent.log"

export PKG_CONFIG_PATH=$(dirname "$(find "$scratch/prefix" -name heavykeys.pc)")
read -ra flags <<< "$(pkg-config --cflags --libs heavykeys)"
"${CXX:-g++}" ${CXXFLAGS:-} -std=c++20 "$outside/main.cpp" "${flags[@]}" -o "$scratch/by_pkg_config"
"$scratch/by_pkg_config"
if [ "$mpi" = ON ]; then
  read -ra flags <<< "$(pkg-config --cflags --libs heavykeys-mpi)"
  OMPI_CXX="${CXX:-g++}" mpicxx ${CXXFLAGS:-} -std=c++20 "$outside/mpi.cpp" "${flags[@]}" -o "$scratch/mpi_by_pkg_config"
  mpirun --oversubscribe -np 2 "$scratch/mpi_by_pkg_config"
fi

cmake -S "$outside" -B "$scratch/subdirectory" -G Ninja -DCMAKE_BUILD_TYPE=Release -DHEAVYKEYS_SOURCE="$source" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" > /dev/null
cmake --build "$scratch/subdirectory" > /dev/null
"$scratch/subdirectory/outside"
