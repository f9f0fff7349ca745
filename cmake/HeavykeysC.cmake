# Programs in C that are built with the project: its tests and examples. heavykeys_c_options(TARGET): C11, our warnings,
# and the sanitizers that the library was built with.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NOT CMAKE_C_COMPILER)  # of one family: they share a sanitizer's runtime
  string(REPLACE "clang++" "clang" CMAKE_C_COMPILER ${CMAKE_CXX_COMPILER})
endif()
enable_language(C)
set(HEAVYKEYS_C_SANITIZERS ${CMAKE_CXX_FLAGS})
separate_arguments(HEAVYKEYS_C_SANITIZERS)
list(FILTER HEAVYKEYS_C_SANITIZERS INCLUDE REGEX "^-f(no-)?(sanitize|omit-frame-pointer)")

function(heavykeys_c_options target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    $<$<BOOL:${HEAVYKEYS_WARNINGS_AS_ERRORS}>:-Werror> ${HEAVYKEYS_C_SANITIZERS})
  target_link_options(${target} PRIVATE ${HEAVYKEYS_C_SANITIZERS})
  target_link_libraries(${target} PRIVATE heavykeys::c)
endfunction()
