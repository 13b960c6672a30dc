# SPDX-License-Identifier: Apache-2.0
# How targets of this project are declared: one way for libraries, one for tests.
include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(tidegate_warnings INTERFACE)
target_compile_options(tidegate_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror=return-type)

set(TIDEGATE_SANITIZE "" CACHE STRING "Sanitizers for everything, for example address,undefined")
if(TIDEGATE_SANITIZE)
  add_compile_options(-fsanitize=${TIDEGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TIDEGATE_SANITIZE})
endif()

# Everything under test gets libFuzzer's coverage counters; the targets themselves are declared in tests/fuzz.
if(TIDEGATE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

# Compiled together, a dozen files of a target at a time, everything takes a third of the time; compiled one by one, each
# file shows whether it includes what it uses. What scripts/test and scripts/quickstart build is together.
option(TIDEGATE_UNITY "Compile the files of a target together" OFF)
set(TIDEGATE_ALONE "" CACHE STRING "Files that TIDEGATE_UNITY leaves alone, from the source root")
if(TIDEGATE_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 12)
endif()

# tidegate_leave_alone(FILE…): these files' internal names are other files' too. Last of all: it looks for what was added.
function(tidegate_leave_alone)
  set(added)
  set(directories ${PROJECT_SOURCE_DIR})
  while(directories)
    list(POP_FRONT directories directory)
    list(APPEND added ${directory})
    get_property(below DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
    list(APPEND directories ${below})
  endwhile()
  foreach(file IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    cmake_path(GET file PARENT_PATH directory)
    while(NOT EXISTS ${directory}/CMakeLists.txt)
      cmake_path(GET directory PARENT_PATH directory)
    endwhile()
    if(directory IN_LIST added)
      set_source_files_properties(${file} DIRECTORY ${directory} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
endfunction()

# tidegate_library(NAME SOURCES … [PUBLIC lib …] [PRIVATE lib …]): static library; includes start at the source root
# ("agent/base/result.hpp", "bpf/abi/state.h").
function(tidegate_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE} tidegate_warnings)
endfunction()

# tidegate_test(NAME SOURCES … [LIBRARIES lib …] [LABELS label …] [TIMEOUT s] [RUN_SERIAL]): a GoogleTest program,
# one ctest entry. Labels: unit, bpf (needs root and BPF), integration, e2e, fuzz, vm.
function(tidegate_test name)
  cmake_parse_arguments(ARG "RUN_SERIAL" "TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main tidegate_warnings)
  target_compile_options(${name} PRIVATE -O0) # what is tested is optimised; the tests would take half as long again to compile
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if(ARG_RUN_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()
