# Large libraries that others bring are not copied: in the build as in an installed Lehr, lib/lehr/NAME is a link to where
# they are, and plugins and programs look there, relative to themselves. So a plugin has the same bytes, and its results
# the same keys, wherever it is built and installed; and what is installed can be moved once a copy is in the link's place.

# lehr_link_library(NAME FOLDER BELOW): FOLDER becomes lib/lehr/NAME; its libraries lie in BELOW, empty or "/lib". Sets, for
# generator expressions of the caller, the linker options NAME_plugin_run_path (from lib/lehr/plugins) and
# NAME_program_run_path (from bin).
function(lehr_link_library name folder below)
  get_filename_component(folder ${folder} ABSOLUTE BASE_DIR ${PROJECT_BINARY_DIR})
  cmake_path(GET LEHR_PLUGIN_DIR PARENT_PATH beside_plugins)
  file(MAKE_DIRECTORY ${beside_plugins})
  file(CREATE_LINK ${folder} ${beside_plugins}/${name} SYMBOLIC)
  # In files, because CMake's Ninja generator escapes the dollar of $ORIGIN twice on the command line.
  set(option ${PROJECT_BINARY_DIR}/run-paths/${name})
  file(WRITE ${option}-plugin "-rpath=$ORIGIN/../${name}${below}\n")
  file(WRITE ${option}-program "-rpath=$ORIGIN/../lib/lehr/${name}${below}\n")
  set(${name}_plugin_run_path -Wl$<COMMA>@${option}-plugin PARENT_SCOPE)
  set(${name}_program_run_path -Wl$<COMMA>@${option}-program PARENT_SCOPE)
  install(CODE "
    set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/lehr/${name}\")
    if(NOT EXISTS \"\${link}\" OR IS_SYMLINK \"\${link}\")
      message(STATUS \"Installing: \${link}, a link to ${folder}\")
      file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/lehr\")
      file(CREATE_LINK \"${folder}\" \"\${link}\" SYMBOLIC)
    endif()" COMPONENT plugins)
endfunction()
