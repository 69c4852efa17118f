# `cpack -G DEB` in the build folder makes three Debian packages of what Install.cmake installs: gatehouse (the host), gatehouse-plugins
# and gatehouse-dev. The option says who answers for them.
set(GATEHOUSE_MAINTAINER "Gatehouse maintainers <maintainers@gatehouse.example>" CACHE STRING "Maintainer of the packages")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gatehouse)
set(CPACK_PACKAGE_VENDOR Gatehouse)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_CONTACT "${GATEHOUSE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE) # whatever the umask is

set(CPACK_COMPONENTS_ALL gatehouse plugins dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 0upstream1) # Debian's own packages, from -1 on, replace these
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(same "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_NAME gatehouse)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_SECTION net)
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_RECOMMENDS "gatehouse-plugins ${same}")
set(CPACK_DEBIAN_GATEHOUSE_PACKAGE_SUGGESTS gatehouse-dev)
set(CPACK_DEBIAN_GATEHOUSE_DESCRIPTION "plugin-based multi-protocol server host
Gatehouse owns listening sockets, TLS, access control, threads, deadlines and
the log of a server. A plugin, a small shared library, speaks the protocol. A
TOML file says which port goes to which plugin.
.
This package has the host, its systemd units and manual pages, and completions
for bash, fish and zsh.")

set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME gatehouse-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS "gatehouse ${same}")
set(CPACK_DEBIAN_PLUGINS_DESCRIPTION "plugins of the Gatehouse server host
Gatehouse is a host for servers whose protocols are plugins.
.
This package has a layer-4 gateway with pools and health checks, a web server
for static files, a SOCKS5 proxy, and the protocols of RFC 862, 863, 864, 867
and 868.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME gatehouse-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF) # it has no programs
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "gatehouse ${same}")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "cmake, g++, libgtest-dev, make | ninja-build, gatehouse-plugins, pkgconf")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cargo")
set(CPACK_DEBIAN_DEV_DESCRIPTION "files to write plugins for the Gatehouse server host
Gatehouse is a host for servers whose protocols are plugins.
.
This package has the C and C++ headers, a test kit that needs no network, the
CMake and pkg-config files, templates for `gatehouse plugin new`, and an API
reference.")

# What Debian wants in each package, and what is in no other installation. The host's has its conffile and scripts.
set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${debian}/changelog.in changelog.Debian @ONLY)
compressed(${PROJECT_BINARY_DIR}/changelog.Debian changelog.Debian)
foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} key)
  set(folder ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${key}_PACKAGE_NAME})
  install(FILES ${debian}/copyright ${PROJECT_BINARY_DIR}/changelog.Debian.gz DESTINATION ${folder}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
if(TARGET reference)
  install(FILES ${debian}/doc-base DESTINATION ${CMAKE_INSTALL_DATADIR}/doc-base RENAME gatehouse-dev
    COMPONENT dev EXCLUDE_FROM_ALL)
endif()
install(FILES ${debian}/gatehouse.logrotate DESTINATION /etc/logrotate.d RENAME gatehouse COMPONENT gatehouse EXCLUDE_FROM_ALL)
file(GLOB CPACK_DEBIAN_GATEHOUSE_PACKAGE_CONTROL_EXTRA ${debian}/gatehouse/*)
# Whoever installs plugins has the host that runs take them.
file(GENERATE OUTPUT triggers CONTENT "interest-noawait /usr/${GATEHOUSE_PLUGIN_FOLDER}\n")
list(APPEND CPACK_DEBIAN_GATEHOUSE_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/triggers)

include(CPack)
