# heavykeys_library(NAME SOURCES ... [PUBLIC libs] [PRIVATE libs]): one CMake target for one folder,
# heavykeys_NAME, alias and export name heavykeys::NAME.
#
# -ffp-contract=off is part of the promise of equal bytes: a compiler that fuses a multiply and an add
# rounds once where another rounds twice.
include(HeavykeysHardening)

function(heavykeys_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off;-Wall;-Wextra;-Wshadow;-Wconversion;-Wno-sign-conversion>"
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${HEAVYKEYS_WARNINGS_AS_ERRORS}>>:-Werror>)
  heavykeys_hardening(${target})
endfunction()

# Only what public headers and lib/siblings.hpp mark can be linked against. DEFINE_SYMBOL: objects are the same in
# static and shared libraries.
function(heavykeys_hide_symbols target)
  set_target_properties(${target} PROPERTIES VISIBILITY_INLINES_HIDDEN ON DEFINE_SYMBOL ""
                        CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden)
endfunction()

# The link of a shared library of ours: versions as in heavykeys.map, and no symbol left to find.
function(heavykeys_shared_link target)
  set(map ${PROJECT_SOURCE_DIR}/cmake/heavykeys.map)
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map} INSTALL_RPATH "\$ORIGIN" VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_link_options(${target} PRIVATE LINKER:--version-script=${map} LINKER:--no-undefined)
endfunction()

function(heavykeys_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target heavykeys_${name})
  add_library(${target} ${arg_SOURCES})
  add_library(heavykeys::${name} ALIAS ${target})
  heavykeys_options(${target})
  heavykeys_hide_symbols(${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  if(BUILD_SHARED_LIBS)
    heavykeys_shared_link(${target})
  endif()
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  install(TARGETS ${target} EXPORT heavykeys_${name}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
  install(EXPORT heavykeys_${name} NAMESPACE heavykeys:: FILE heavykeys-${name}.cmake
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/heavykeys COMPONENT dev)
endfunction()
