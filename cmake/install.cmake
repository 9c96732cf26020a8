# SPDX-License-Identifier: EUPL-1.2
# What an installation consists of. The configuration is laid down only where there is none.
install(TARGETS fjordgate fjordctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS fjordgate-clock RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/fjordgate)

install(DIRECTORY etc/profiles DESTINATION ${CMAKE_INSTALL_DATADIR}/fjordgate
  OPTIONAL FILES_MATCHING PATTERN "*.yaml")
install(CODE "
  set(folder \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/fjordgate\")
  if(NOT EXISTS \"\$ENV{DESTDIR}\${folder}/fjordgate.yaml\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/etc/fjordgate.yaml\" DESTINATION \"\${folder}\")
  endif()")

# The units in the tree are for /usr; another prefix gets its own paths.
foreach(name fjordgate.service fjordgate-clock.service fjordgate-clock.socket)
  file(READ systemd/${name} unit)
  string(REPLACE "/usr/bin/" "${CMAKE_INSTALL_FULL_BINDIR}/" unit "${unit}")
  string(REPLACE "/usr/libexec/" "${CMAKE_INSTALL_FULL_LIBEXECDIR}/" unit "${unit}")
  string(REPLACE "/etc/fjordgate/" "${CMAKE_INSTALL_FULL_SYSCONFDIR}/fjordgate/" unit "${unit}")
  file(CONFIGURE OUTPUT ${name} CONTENT "${unit}" @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name} DESTINATION lib/systemd/system)
endforeach()
install(FILES systemd/fjordgate.sysusers DESTINATION lib/sysusers.d RENAME fjordgate.conf)
install(FILES systemd/fjordgate.tmpfiles DESTINATION lib/tmpfiles.d RENAME fjordgate.conf)
install(FILES docs/man/fjordgate.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/man/fjordctl.1 docs/man/fjordsim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES etc/completion/fjordctl.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME fjordctl)
install(FILES etc/completion/_fjordctl
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES etc/fjordgate.yaml etc/demo.yaml etc/fjordsim.yaml
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES etc/fjordgate.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/fjordgate)
