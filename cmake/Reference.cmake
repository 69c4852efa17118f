# The API reference, made by Doxygen from the comments of the SDK's headers, where there is a Doxygen: the target `reference`, which
# takes seconds and fails on a warning. It is installed and packaged with the SDK. -DCMAKE_DISABLE_FIND_PACKAGE_Doxygen=ON leaves it out.
find_package(Doxygen 1.9.4 QUIET)
if(DOXYGEN_FOUND AND NOT GATEHOUSE_SANITIZER)
  set(reference ${PROJECT_BINARY_DIR}/reference)
  set(headers ${PROJECT_SOURCE_DIR}/sdk/include/gatehouse)
  configure_file(${PROJECT_SOURCE_DIR}/sdk/reference/Doxyfile.in ${reference}/Doxyfile @ONLY)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${headers}/* ${PROJECT_SOURCE_DIR}/sdk/reference/*)
  add_custom_command(OUTPUT ${reference}/html/index.html DEPENDS ${sources} ${reference}/Doxyfile
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${reference}/html # pages of what is no more
    COMMAND Doxygen::doxygen ${reference}/Doxyfile
    COMMENT "Making the API reference")
  add_custom_target(reference ALL DEPENDS ${reference}/html/index.html)
  install(DIRECTORY ${reference}/html DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/gatehouse-dev COMPONENT dev)
endif()
