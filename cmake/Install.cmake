# What `cmake --install` puts where, by the FHS. There is a component for each Debian package (Packages.cmake): gatehouse, plugins, dev.
include(CMakePackageConfigHelpers)

set(docs ${CMAKE_INSTALL_DATADIR}/doc/gatehouse)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Gatehouse)
set(pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# compressed(FILE NAME): NAME.gz in the build folder, as Debian wants it, for every build the same.
function(compressed file name)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${name}.gz DEPENDS ${file}
    COMMAND gzip -9nc ${file} > ${PROJECT_BINARY_DIR}/${name}.gz)
  add_custom_target(compressed_${name} ALL DEPENDS ${PROJECT_BINARY_DIR}/${name}.gz)
endfunction()

# --- The host -----------------------------------------------------------------------------------------------------------

install(TARGETS gatehouse DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT gatehouse)
install(DIRECTORY DESTINATION ${GATEHOUSE_PLUGIN_FOLDER} COMPONENT gatehouse) # others' plugins may lie there, too
install(FILES conf/systemd/gatehouse.service conf/systemd/gatehouse.socket DESTINATION lib/systemd/system COMPONENT gatehouse)
install(FILES conf/systemd/sysusers.conf DESTINATION lib/sysusers.d RENAME gatehouse.conf COMPONENT gatehouse)
install(FILES conf/systemd/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME gatehouse.conf COMPONENT gatehouse)
compressed(${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog)
install(FILES README.md ${PROJECT_BINARY_DIR}/changelog.gz DESTINATION ${docs} COMPONENT gatehouse)
install(DIRECTORY docs conf DESTINATION ${docs} COMPONENT gatehouse PATTERN *.in EXCLUDE PATTERN dev-cert EXCLUDE)
include(cmake/Pages.cmake)
install(FILES LICENSE DESTINATION ${docs} COMPONENT license) # Debian's packages have a file of their own for it

# The service's configuration, in /etc for the prefixes /usr and /usr/local, as the unit has it, and in PREFIX/etc otherwise. Unlike
# every other file it is the operator's as soon as it is there.
install(CODE "
  string(REGEX REPLACE \"/usr(/local)?/?$\" \"\" root \"\${CMAKE_INSTALL_PREFIX}\")
  set(folder \"\${root}/etc/gatehouse\")
  if(EXISTS \"\$ENV{DESTDIR}\${folder}/gatehouse.toml\")
    message(STATUS \"Kept: \${folder}/gatehouse.toml\")
  else()
    file(INSTALL \"${PROJECT_SOURCE_DIR}/conf/systemd/gatehouse.toml\" DESTINATION \"\${folder}\")
  endif()" COMPONENT gatehouse)

# --- The bundled plugins --------------------------------------------------------------------------------------------------

get_target_property(plugins all_plugins MANUALLY_ADDED_DEPENDENCIES)
foreach(plugin ${plugins})
  install(TARGETS ${plugin} DESTINATION ${GATEHOUSE_PLUGIN_FOLDER} COMPONENT plugins)
  install(FILES plugins/${plugin}/README.md DESTINATION ${docs}/plugins/${plugin} COMPONENT plugins)
endforeach()

# --- What plugins are written against -------------------------------------------------------------------------------------

install(TARGETS gatehouse_sdk EXPORT Gatehouse)
install(EXPORT Gatehouse FILE GatehouseTargets.cmake NAMESPACE Gatehouse:: DESTINATION ${package} COMPONENT dev)
install(DIRECTORY sdk/include/gatehouse DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

gatehouse_way(programs_from_cmake ${package} ${CMAKE_INSTALL_BINDIR})
gatehouse_way(headers_from_pc ${pkgconfig} ${CMAKE_INSTALL_INCLUDEDIR})
gatehouse_way(plugins_from_pc ${pkgconfig} ${GATEHOUSE_PLUGIN_FOLDER})
gatehouse_way(cmake_from_pc ${pkgconfig} ${package})
configure_file(sdk/cmake/GatehouseConfig.cmake.in GatehouseConfig.cmake @ONLY)
configure_file(sdk/cmake/gatehouse.pc.in gatehouse.pc @ONLY)
# While the ABI is a draft, what was written for one minor version need not compile with the next.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/GatehouseConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/GatehouseConfig.cmake ${PROJECT_BINARY_DIR}/GatehouseConfigVersion.cmake
  sdk/cmake/GatehouseAddPlugin.cmake sdk/cmake/plugin.map DESTINATION ${package} COMPONENT dev)
install(FILES ${PROJECT_BINARY_DIR}/gatehouse.pc DESTINATION ${pkgconfig} COMPONENT dev)
install(DIRECTORY sdk/samples DESTINATION ${docs}/sdk COMPONENT dev PATTERN CMakeLists.txt EXCLUDE PATTERN quotes_test.cpp EXCLUDE)
install(FILES sdk/README.md DESTINATION ${docs}/sdk COMPONENT dev)
# What `gatehouse plugin new` copies; one of the files is a script.
install(DIRECTORY sdk/templates/ DESTINATION ${GATEHOUSE_TEMPLATE_FOLDER} COMPONENT dev USE_SOURCE_PERMISSIONS)
