# SPDX-License-Identifier: EUPL-1.2
# fg_room(NAME SOURCES… [DEPENDS rooms…] [LIBRARIES targets…])
#
# One folder, one static library. Its headers are reached as "room/header.h" through an include
# folder of its own that holds nothing else, so a file sees only its own room and the rooms below
# it: an include that looks upwards finds no file. External libraries are linked PRIVATE, so
# only the room that owns a library has its flags.
function(fg_room name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(door ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${door})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${door}/${name} SYMBOLIC)
  add_library(fg_${name} STATIC ${R_SOURCES})
  target_include_directories(fg_${name} PUBLIC ${door})
  foreach(d ${R_DEPENDS})
    target_link_libraries(fg_${name} PUBLIC fg_${d})
  endforeach()
  target_link_libraries(fg_${name} PRIVATE ${R_LIBRARIES})
endfunction()
