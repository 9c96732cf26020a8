# SPDX-License-Identifier: EUPL-1.2
# What an installation consists of. The configuration is laid down only where there is none.
foreach(program fjordgate fjordctl fjordsim)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

install(DIRECTORY etc/profiles DESTINATION ${CMAKE_INSTALL_DATADIR}/fjordgate
  OPTIONAL FILES_MATCHING PATTERN "*.yaml")
install(CODE "
  set(target \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/fjordgate\")
  if(NOT EXISTS \"\${target}/fjordgate.yaml\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/etc/fjordgate.yaml\" DESTINATION \"\${target}\")
  endif()")

# The unit in the tree is for /usr; another prefix gets its own paths.
file(READ systemd/fjordgate.service unit)
string(REPLACE "/usr/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" unit "${unit}")
string(REPLACE "/etc/fjordgate/" "${CMAKE_INSTALL_FULL_SYSCONFDIR}/fjordgate/" unit "${unit}")
file(CONFIGURE OUTPUT fjordgate.service CONTENT "${unit}" @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/fjordgate.service DESTINATION lib/systemd/system)
install(FILES systemd/fjordgate.sysusers DESTINATION lib/sysusers.d RENAME fjordgate.conf)
install(FILES systemd/fjordgate.tmpfiles DESTINATION lib/tmpfiles.d RENAME fjordgate.conf)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
