// SPDX-License-Identifier: Apache-2.0
/*
 * group_commands.h -- what operators and controllers ask of a zone's group.
 *
 * Purpose.   Status, plan and history to read; start, pause, resume, cancel, eject and force to do.
 * Each is kept before it takes effect.
 * Threads.   The control thread. JSON is the caller's (json_decref); NULL with `r` set on errors:
 * ERR_NOT_FOUND (zone, or it is of no group), ERR_REFUSED with the reason, ERR_SYNTAX.
 */
#ifndef CONTROL_GROUP_COMMANDS_H
#define CONTROL_GROUP_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>

#include "control/control.h"
#include "multisigner/overlap.h"

/* All zones of groups: one sentence each. */
json_t *control_group_list(struct control *c);
json_t *control_group_status(struct control *c, const char *zone, struct control_result *r);
json_t *control_group_history(struct control *c, const char *zone, struct control_result *r);
/* The process that `text` names (NULL: none); false, with the reason in *r, where it names none. */
bool group_process_read(const char *text, enum group_process *out, struct control_result *r);
/* `process`: join, leave, or a roll (zsk-roll, ksk-roll, csk-roll, algorithm-roll). `signer` NULL:
 * all that are configured (join), ourselves (leave). */
json_t *control_group_start(struct control *c, const char *zone, const char *process,
			    const char *signer, struct control_result *r);
/* `what`: cancel, eject, pause, resume. */
json_t *control_group_signer(struct control *c, const char *zone, const char *what,
			     const char *signer, struct control_result *r);
/* Waives a guard for one signer until its process ends; the caller writes the audit log. */
json_t *control_group_force(struct control *c, const char *zone, const char *signer,
			    const char *guard, struct control_result *r);
/* The steps of a process with what each waits for, and when it comes at the earliest; does nothing.
 */
json_t *control_group_plan(struct control *c, const char *zone, const char *process,
			   const char *signer, struct control_result *r);

/* What would make the group suffer: {"checks": [{check, ok, says}]}. */
json_t *control_group_doctor(struct control *c, const char *zone, struct control_result *r);

#endif
