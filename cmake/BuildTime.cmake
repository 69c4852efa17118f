# What makes Gatehouse's own build quick: precompiled headers, and in the presets the compilation of several sources as one
# (CMAKE_UNITY_BUILD). Each source still includes what it uses: clang-tidy (scripts/lint) reads each by itself, without
# either, and one of the builds there has no precompiled headers.
#
# A precompiled header fits only what is compiled with the same options, so there is one for each kind of target: plugins,
# test programs, and the host's library, which takes GATEHOUSE_COMMON_HEADERS itself.
set(GATEHOUSE_COMMON_HEADERS
  <algorithm> <array> <atomic> <cerrno> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <filesystem> <functional>
  <map> <memory> <mutex> <optional> <span> <stdexcept> <string> <string_view> <system_error> <thread> <unordered_map> <utility>
  <variant> <vector> <fcntl.h> <netinet/in.h> <sys/socket.h> <unistd.h>)

file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp CONTENT "")

add_library(plugin_precompiled OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
set_target_properties(plugin_precompiled PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_link_libraries(plugin_precompiled PRIVATE gatehouse_sdk)
target_precompile_headers(plugin_precompiled PRIVATE ${GATEHOUSE_COMMON_HEADERS} <gatehouse/plugin.hpp> <gatehouse/task.hpp>)

# For a plugin in C++; one in C is quick enough.
function(gatehouse_speed_plugin name)
  get_target_property(sources ${name} SOURCES)
  if(NOT sources MATCHES "\\.c(;|$)")
    target_precompile_headers(${name} REUSE_FROM plugin_precompiled)
  endif()
endfunction()

if(BUILD_TESTING)
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_library(test_precompiled OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
  set_target_properties(test_precompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF) # that would be -fPIC; programs have -fPIE
  target_compile_options(test_precompiled PRIVATE -O0 -fPIE)
  target_link_libraries(test_precompiled PRIVATE GTest::gtest)
  target_precompile_headers(test_precompiled PRIVATE ${GATEHOUSE_COMMON_HEADERS} <fstream> <gtest/gtest.h>)

  # The same for tests on the SDK's test kit, whose header takes a compiler seconds.
  add_library(kit_precompiled OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
  set_target_properties(kit_precompiled PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(kit_precompiled PRIVATE -O0 -fPIE)
  target_link_libraries(kit_precompiled PRIVATE gatehouse_sdk GTest::gtest)
  target_precompile_headers(kit_precompiled PRIVATE ${GATEHOUSE_COMMON_HEADERS} <fstream> <gtest/gtest.h> <gatehouse/testing.hpp>)

  # For a test program in C++, by `precompiled`: test_precompiled, or kit_precompiled. Its own code is not optimised: compiling
  # that takes longer than running it.
  function(gatehouse_speed_test name precompiled)
    # No mistakes where sources are compiled as one: what shadows a name of another source, and what g++ says of names in a file
    # that another one includes.
    target_compile_options(${name} PRIVATE -O0 -Wno-shadow
      "$<$<CXX_COMPILER_ID:GNU>:-Wshadow=local;-Wno-subobject-linkage>")
    target_precompile_headers(${name} REUSE_FROM ${precompiled})
  endfunction()

  # Registers the tests of a GoogleTest program, labelled "unit". To start it takes a sanitizer longer than most of the tests do:
  # there CTest starts it `shards` times for all of them instead of once for each.
  function(gatehouse_register_tests program prefix shards)
    if(NOT GATEHOUSE_SANITIZER)
      gtest_discover_tests(${program} TEST_PREFIX "${prefix}" PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
      return()
    endif()
    math(EXPR last "${shards} - 1")
    foreach(shard RANGE ${last})
      add_test(NAME ${program}.${shard} COMMAND ${program} --gtest_brief=1)
      set_tests_properties(${program}.${shard} PROPERTIES LABELS unit
        ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
    endforeach()
  endfunction()
endif()
