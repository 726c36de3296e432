# SPDX-License-Identifier: Apache-2.0
# Libraries from the distribution, all through pkg-config. Why each: ARCHITECTURE.md.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(P11KIT REQUIRED IMPORTED_TARGET p11-kit-1>=0.24)
pkg_check_modules(LDNS REQUIRED IMPORTED_TARGET ldns>=1.8)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.5)
pkg_check_modules(URCU REQUIRED IMPORTED_TARGET liburcu-qsbr>=0.13)
pkg_check_modules(MMDB REQUIRED IMPORTED_TARGET libmaxminddb>=1.7)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd>=252)
