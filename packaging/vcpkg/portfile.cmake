# An overlay port: vcpkg install heavykeys --overlay-ports=packaging/vcpkg, from a checkout of heavykeys.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS options
  FEATURES
    tbb HEAVYKEYS_TBB
    openmp HEAVYKEYS_OPENMP
    c HEAVYKEYS_C
    mpi HEAVYKEYS_MPI
    tools HEAVYKEYS_TOOLS)

vcpkg_find_acquire_program(PKGCONFIG)  # finds highway
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${options} "-DPKG_CONFIG_EXECUTABLE=${PKGCONFIG}" -DHEAVYKEYS_TESTS=OFF -DHEAVYKEYS_EXAMPLES=OFF -DHEAVYKEYS_CUDA=OFF -DHEAVYKEYS_WARNINGS_AS_ERRORS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/heavykeys)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES heavykeys AUTO_CLEAN)
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
