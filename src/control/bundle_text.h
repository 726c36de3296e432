// SPDX-License-Identifier: Apache-2.0
/*
 * bundle_text.h -- key signing requests and signed key responses as text, as Knot DNS (keymgr) and
 * BIND (dnssec-ksr) write and read them.
 *
 * Form.      ";; KeySigningRequest 1.0 TIME" or ";; SignedKeyResponse 1.0 TIME" begins a bundle, in
 * force from TIME (seconds since 1970, or YYYYMMDDHHMMSS); its records follow in presentation
 * format, over several lines where there are brackets; ";; ... generated at" ends the file. Records
 * in front of the first header, as a plain signed RRset from a server has none, are one bundle that
 * is in force since its last signature began. Purpose.   Hostile input: every bound is checked
 * here, and findings name FILE:LINE. Threads.   Pure.
 */
#ifndef CONTROL_BUNDLE_TEXT_H
#define CONTROL_BUNDLE_TEXT_H

#include "base/diag.h"
#include "base/text.h"
#include "multisigner/bundle.h"

/* Which program is to read it: their times differ. */
enum bundle_form { BUNDLE_FORM_KNOT, BUNDLE_FORM_BIND };

/* `file` names the text in findings. All records must be of `zone`. The caller owns *out, which is
 * settled. */
enum err bundle_text_read(struct bundles **out, const char *text, const uint8_t *zone,
			  const char *file, struct diag *d);
/* `response`: signed. The header of an empty bundle at the end of a request says until when it is.
 */
void bundle_text_write(const struct bundles *b, const char *zone, bool response,
		       enum bundle_form form, int64_t now, struct text *out);
/* The records of one bundle, a line each. */
void bundle_text_write_one(const struct bundle *b, const char *zone, struct text *out);

#endif
