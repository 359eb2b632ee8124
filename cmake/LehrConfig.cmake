# find_package(Lehr): the plugin SDK. Gives lehr::sdk (headers), lehr::host (the stage host, which stamps plugins),
# lehr::lehr (the program), and the functions of LehrPlugin.cmake.
get_filename_component(lehr_prefix ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
if(NOT TARGET lehr::sdk)
  add_library(lehr::sdk INTERFACE IMPORTED)
  set_target_properties(lehr::sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${lehr_prefix}/include)
  add_executable(lehr::host IMPORTED)
  set_target_properties(lehr::host PROPERTIES IMPORTED_LOCATION ${lehr_prefix}/bin/lehr-host)
  add_executable(lehr::lehr IMPORTED)
  set_target_properties(lehr::lehr PROPERTIES IMPORTED_LOCATION ${lehr_prefix}/bin/lehr)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/LehrPlugin.cmake)
