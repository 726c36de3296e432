// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz.h -- the entry point of a fuzz target, which libFuzzer and replay.c call by name.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
