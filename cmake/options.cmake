# SPDX-License-Identifier: EUPL-1.2
# Flags that hold for every target.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -fno-common)
if(FG_WERROR)
  add_compile_options(-Werror)
endif()
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64
  FG_VERSION="${PROJECT_VERSION}")
add_link_options(-Wl,--as-needed)
# A small board keeps what is linked in memory: nothing that is not called, and no code that
# grew for speed.
add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)
set(CMAKE_C_FLAGS_RELEASE "-O2")

set(FG_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
if(FG_SANITIZE)
  add_compile_options(-fsanitize=${FG_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FG_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
