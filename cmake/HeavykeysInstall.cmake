# The installed package: find_package(heavykeys COMPONENTS core streaming parallel distributed mpi cuda c).
include(CMakePackageConfigHelpers)

get_target_property(type heavykeys_core TYPE)
set(HEAVYKEYS_STATIC OFF)
if(type STREQUAL "STATIC_LIBRARY")
  set(HEAVYKEYS_STATIC ON)
endif()
set(HEAVYKEYS_PC_PRIVATE "-lhwy")
if(HEAVYKEYS_TBB)
  string(APPEND HEAVYKEYS_PC_PRIVATE " -ltbb")
endif()
if(HEAVYKEYS_OPENMP)
  string(APPEND HEAVYKEYS_PC_PRIVATE " -fopenmp")
endif()
# Static libraries alone do not link without these: pkg-config --libs says them without --static, too.
set(HEAVYKEYS_PC_LIBS "")
if(HEAVYKEYS_STATIC)
  set(HEAVYKEYS_PC_LIBS " ${HEAVYKEYS_PC_PRIVATE}")
  set(HEAVYKEYS_PC_PRIVATE "")
endif()

install(DIRECTORY include/heavykeys DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
configure_package_config_file(cmake/heavykeysConfig.cmake.in heavykeysConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heavykeys)
write_basic_package_version_file(heavykeysConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeysConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/heavykeysConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heavykeys COMPONENT dev)

# Relative to the .pc file: the prefix is chosen at install time.
file(RELATIVE_PATH HEAVYKEYS_PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/heavykeys.pc.in heavykeys.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeys.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
if(HEAVYKEYS_MPI)
  configure_file(cmake/heavykeys-mpi.pc.in heavykeys-mpi.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeys-mpi.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endif()
if(HEAVYKEYS_C)
  configure_file(cmake/heavykeys-c.pc.in heavykeys-c.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeys-c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endif()
