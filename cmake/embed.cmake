# SPDX-License-Identifier: EUPL-1.2
# cmake -DOUT=FILE.c -DFILES=name=path|… -P embed.cmake: files as arrays, for web/files.h.
set(text "/* Made by cmake/embed.cmake. */\n#include \"web/files.h\"\n")
string(REPLACE "|" ";" pairs "${FILES}")
foreach(pair ${pairs})
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 name)
  list(GET pair 1 path)
  file(READ ${path} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "const char ${name}[] = {${bytes}0};\n")
  string(APPEND text "const size_t ${name}_len = sizeof(${name}) - 1;\n")
endforeach()
file(WRITE ${OUT} "${text}")
