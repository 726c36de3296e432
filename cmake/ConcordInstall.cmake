# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. The example configuration never overwrites one that is there: it goes to the documentation.
include(GNUInstallDirs)

install(TARGETS concordd RUNTIME DESTINATION "${CMAKE_INSTALL_SBINDIR}")
install(TARGETS concordctl RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES docs/man/concordd.8 DESTINATION "${CMAKE_INSTALL_MANDIR}/man8")
install(FILES docs/man/concordctl.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES docs/man/concord.yaml.5 DESTINATION "${CMAKE_INSTALL_MANDIR}/man5")
install(FILES conf/concord.yaml README.md docs/steering.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(FILES conf/concord.service DESTINATION lib/systemd/system)
install(FILES packaging/concord.sysusers DESTINATION lib/sysusers.d RENAME concord.conf)
