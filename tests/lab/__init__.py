# SPDX-License-Identifier: Apache-2.0
"""What end-to-end and interop tests share: daemons on loopback, zones, and an independent validator."""
