# Where an installation has what. Debian's folder for libraries also under prefixes other than /usr, so that there is one layout.
if(CMAKE_LIBRARY_ARCHITECTURE AND EXISTS /etc/debian_version)
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Folder of libraries")
endif()
include(GNUInstallDirs)
set(GATEHOUSE_PLUGIN_FOLDER ${CMAKE_INSTALL_LIBDIR}/gatehouse/plugins)
set(GATEHOUSE_TEMPLATE_FOLDER ${CMAKE_INSTALL_DATADIR}/gatehouse/templates)

# gatehouse_way(VARIABLE FROM TO): how to get from one of these folders to another. Installed files find each other so, and none of
# them names the prefix: it may be chosen at the installation, and be moved later.
function(gatehouse_way variable from to)
  cmake_path(ABSOLUTE_PATH from BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
  cmake_path(ABSOLUTE_PATH to BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})
  file(RELATIVE_PATH way ${from} ${to})
  set(${variable} ${way} PARENT_SCOPE)
endfunction()
