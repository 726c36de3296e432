# SPDX-License-Identifier: Apache-2.0
# Build options, the language level, and the flags that every target of ours gets.

option(CONCORD_TESTS "Build the tests" ON)
option(CONCORD_BENCH "Build the load generator and the echo of bench/" OFF)
option(CONCORD_FUZZ "Build the libFuzzer targets, and of the tests only these (clang)" OFF)
option(CONCORD_COVERAGE "Count what is executed (gcov)" OFF)
option(CONCORD_FAILPOINTS "Let tests kill the process at named places (CONCORD_FAILPOINT)" OFF)
option(CONCORD_WERROR "Treat warnings as errors" ON)
set(CONCORD_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize= (address,undefined or thread)")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# Position-independent executables, said to the linker too (that is what this module is for).
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(concord_flags INTERFACE)
target_compile_definitions(concord_flags INTERFACE CONCORD_VERSION="${PROJECT_VERSION}")
target_compile_definitions(concord_flags INTERFACE _GNU_SOURCE)
target_compile_options(concord_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
  -Wcast-qual -Wpointer-arith -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum
  $<$<C_COMPILER_ID:Clang>:-Wno-sign-conversion>
  -fno-strict-aliasing -fstack-protector-strong
  # A function a section: the linker drops what nobody calls, and tests/lint/hotpath.py reads the calls from the relocations.
  -ffunction-sections)
target_link_options(concord_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
if(CONCORD_FAILPOINTS)
  target_compile_definitions(concord_flags INTERFACE CONCORD_FAILPOINTS)
endif()
if(CONCORD_WERROR)
  target_compile_options(concord_flags INTERFACE -Werror)
endif()

if(CONCORD_SANITIZE)
  target_compile_options(concord_flags INTERFACE
    -fsanitize=${CONCORD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(concord_flags INTERFACE -fsanitize=${CONCORD_SANITIZE})
else()
  # glibc's checks need optimisation, and would hide from the sanitizers what they are to find.
  target_compile_options(concord_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()

if(CONCORD_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "CONCORD_FUZZ needs clang: cmake --preset fuzz")
  endif()
  target_compile_options(concord_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(CONCORD_COVERAGE)
  target_compile_options(concord_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(concord_flags INTERFACE --coverage)
endif()
