# The installed package: find_package(heavykeys COMPONENTS core streaming parallel).
include(CMakePackageConfigHelpers)

install(DIRECTORY include/heavykeys DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
configure_package_config_file(cmake/heavykeysConfig.cmake.in heavykeysConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heavykeys)
write_basic_package_version_file(heavykeysConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeysConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/heavykeysConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heavykeys)

configure_file(cmake/heavykeys.pc.in heavykeys.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/heavykeys.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
