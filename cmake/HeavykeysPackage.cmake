# Debian packages: `cpack --preset package` after building that preset (packaging/README.md).
#   libheavykeys0.1   the shared libraries
#   libheavykeys-dev  headers, CMake package, pkg-config files
#   heavykeys         the command, its manual page and completions
set(soname ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(runtime libheavykeys${soname})

set(CPACK_PACKAGE_CONTACT "The heavykeys developers <heavykeys@users.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# Where dpkg-shlibdeps finds the libraries of the very packages that are being made.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
  ${PROJECT_BINARY_DIR}/lib ${PROJECT_BINARY_DIR}/streaming ${PROJECT_BINARY_DIR}/parallel ${PROJECT_BINARY_DIR}/distributed ${PROJECT_BINARY_DIR}/c)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "${PROJECT_DESCRIPTION}: shared libraries.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libheavykeys-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${runtime} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libopenmpi-dev")  # heavykeys/mpi.hpp includes <mpi.h>
set(CPACK_COMPONENT_DEV_DESCRIPTION "${PROJECT_DESCRIPTION}: headers, CMake package and pkg-config files.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME heavykeys)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS "${runtime} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_TOOLS_DESCRIPTION "${PROJECT_DESCRIPTION}: the command.")

# Debian keeps these compressed.
file(ARCHIVE_CREATE OUTPUT ${PROJECT_BINARY_DIR}/changelog.gz PATHS ${PROJECT_SOURCE_DIR}/CHANGELOG.md FORMAT raw COMPRESSION GZip MTIME 0)
foreach(of IN ITEMS "runtime;${runtime}" "dev;libheavykeys-dev" "tools;heavykeys")
  list(GET of 0 component)
  list(GET of 1 package)
  install(FILES packaging/copyright ${PROJECT_BINARY_DIR}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endforeach()
include(CPack)
