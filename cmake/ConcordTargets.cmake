# SPDX-License-Identifier: Apache-2.0
# One function per kind of target, so that a folder's CMakeLists.txt only says what it has and what it may use.

# concord_library(NAME folder SOURCES ... USES other folders ... VENDOR imported targets ...)
# Public headers are included by their path from src/ ("zone/zone.h").
function(concord_library)
  cmake_parse_arguments(A "" "NAME" "SOURCES;USES;VENDOR" ${ARGN})
  add_library(concord_${A_NAME} STATIC ${A_SOURCES})
  target_include_directories(concord_${A_NAME} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(concord_${A_NAME} PRIVATE concord_flags)
  foreach(use IN LISTS A_USES)
    target_link_libraries(concord_${A_NAME} PUBLIC concord_${use})
  endforeach()
  # Public, so that what uses a folder links what that folder needs; the lint test keeps vendor headers at home.
  target_link_libraries(concord_${A_NAME} PUBLIC ${A_VENDOR})
endfunction()

# concord_program(NAME concordd SOURCES ... USES folders ...)
function(concord_program)
  cmake_parse_arguments(A "" "NAME" "SOURCES;USES;VENDOR" ${ARGN})
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE concord_flags ${A_VENDOR})
  foreach(use IN LISTS A_USES)
    target_link_libraries(${A_NAME} PRIVATE concord_${use})
  endforeach()
endfunction()
