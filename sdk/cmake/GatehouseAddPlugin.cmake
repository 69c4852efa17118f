# gatehouse_add_plugin(NAME SOURCE... [LIBRARIES LIBRARY...])
#
# Builds NAME.so, a Gatehouse plugin: C++20, without undefined symbols and unused libraries. It exports gatehouse_plugin_v1 only.
# That takes a version script beside hidden visibility: otherwise the plugin would export inline functions of the standard
# library, and the loader would keep the plugin's file in use for them.
function(gatehouse_add_plugin name)
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  cmake_parse_arguments(PARSE_ARGV 1 PLUGIN "" "" "LIBRARIES")
  add_library(${name} MODULE ${PLUGIN_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE Gatehouse::sdk ${PLUGIN_LIBRARIES})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    CXX_STANDARD 20
    CXX_STANDARD_REQUIRED ON
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${map}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${map} -Wl,--as-needed
    # The sanitizers' own symbols come from the host process.
    $<$<NOT:$<BOOL:${GATEHOUSE_SANITIZER}>>:-Wl,--no-undefined>)
  if(COMMAND gatehouse_speed_plugin) # in Gatehouse's own build
    gatehouse_speed_plugin(${name})
  endif()
endfunction()

# gatehouse_add_plugin_test(PLUGIN SOURCE... [LIBRARIES LIBRARY...])
#
# Builds PLUGIN_test, a GoogleTest program that contains the plugin's own objects beside the test's, and registers its tests
# with CTest under the label "unit". <gatehouse/testing.hpp> has the fake host and its clients.
function(gatehouse_add_plugin_test plugin)
  cmake_parse_arguments(PARSE_ARGV 1 TEST "" "" "LIBRARIES")
  find_package(GTest REQUIRED)
  include(GoogleTest)
  get_target_property(libraries ${plugin} LINK_LIBRARIES)
  add_executable(${plugin}_test ${TEST_UNPARSED_ARGUMENTS} $<TARGET_OBJECTS:${plugin}>)
  target_link_libraries(${plugin}_test PRIVATE ${libraries} ${TEST_LIBRARIES} GTest::gtest_main)
  set_target_properties(${plugin}_test PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
  if(COMMAND gatehouse_speed_test) # in Gatehouse's own build
    gatehouse_speed_test(${plugin}_test kit_precompiled)
    gatehouse_register_tests(${plugin}_test ${plugin}. 2)
  else()
    gtest_discover_tests(${plugin}_test TEST_PREFIX ${plugin}. PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
