# SPDX-License-Identifier: EUPL-1.2
# fg_room(NAME SOURCES… [DEPENDS rooms…] [LIBRARIES targets…] [PLANTED])
#
# One folder, one static library. Its headers are reached as "room/header.h" through an include
# folder of its own that holds nothing else, so a file sees only its own room and the rooms below
# it: an include that looks upwards finds no file. External libraries are linked PRIVATE, so
# only the room that owns a library has its flags.
#
# PLANTED: with tests there is a second library, fg_NAME_planted, of the same sources with the
# mistakes of base/plant.h in them. It is built where a test links it.
function(fg_room name)
  cmake_parse_arguments(R "PLANTED" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(door ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${door})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${door}/${name} SYMBOLIC)
  add_library(fg_${name} STATIC ${R_SOURCES})
  target_include_directories(fg_${name} PUBLIC ${door})
  foreach(d ${R_DEPENDS})
    target_link_libraries(fg_${name} PUBLIC fg_${d})
  endforeach()
  target_link_libraries(fg_${name} PRIVATE ${R_LIBRARIES})
  if(NOT R_PLANTED OR NOT FG_TESTS)
    return()
  endif()
  add_library(fg_${name}_planted STATIC EXCLUDE_FROM_ALL ${R_SOURCES})
  target_compile_definitions(fg_${name}_planted PRIVATE FG_PLANT)
  target_include_directories(fg_${name}_planted PUBLIC ${door})
  foreach(d ${R_DEPENDS})
    if(TARGET fg_${d}_planted)
      target_link_libraries(fg_${name}_planted PUBLIC fg_${d}_planted)
    else()
      target_link_libraries(fg_${name}_planted PUBLIC fg_${d})
    endif()
  endforeach()
  target_link_libraries(fg_${name}_planted PRIVATE ${R_LIBRARIES})
endfunction()
