// SPDX-License-Identifier: Apache-2.0
/*
 * world.h -- groups of signers, their parent and the links between them on a virtual clock.
 *
 * Purpose.   A history is one number: it seeds who takes part, what TTLs are, who joins, leaves,
 * rolls, cancels and crashes when, and which looks are lost, late or doubled. Concord signers run
 * the machine of src/multisigner; plain ones roll by their own clock, as servers without any notion
 * of a group do, and take what the others put into their sets.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "multisigner/group.h"
#include "multisigner/rollover.h"
#include "multisigner/step.h"
#include "oracle.h"

#define WORLD_SIGNERS 5
#define WORLD_EVENTS  4096
#define WORLD_KEYS    ORACLE_KEYS
#define WORLD_NOBODY  WORLD_SIGNERS

struct lots {
	uint64_t state;
};

enum event_kind {
	EVENT_TICK,        /* a Concord signer looks around and steps */
	EVENT_SIGNER_LOOK, /* an answer arrives */
	EVENT_PARENT_LOOK,
	EVENT_SERVER,        /* a signer's server catches up */
	EVENT_SCAN,          /* the parent reads CDS and CSYNC */
	EVENT_PARENT_SERVER, /* a parent's server catches up */
	EVENT_PUSH,          /* a plain signer gets what a Concord signer puts into it */
	EVENT_PLAIN,         /* a plain signer's own clock */
	EVENT_COMMAND,       /* an operator */
	EVENT_RESTART,
	EVENT_OUTAGE_ENDS,
};

enum command_kind {
	COMMAND_JOIN,
	COMMAND_LEAVE,
	COMMAND_CANCEL,
	COMMAND_EJECT,
	COMMAND_ROLL_ZSK,
	COMMAND_ROLL_KSK,
	COMMAND_ROLL_ALGORITHM,
	COMMAND_TTL,
	COMMAND_OUTAGE,
	COMMAND_STUBBORN,
	COMMAND_BREAK,
	COMMAND_AWAY,
};

struct event {
	int64_t at;
	uint32_t order;
	uint8_t kind, who, whom, server;
	uint8_t command;
	uint32_t life;
	union {
		struct {
			struct served what;
			int64_t asked_at;
		} look;
		struct {
			struct delegation what;
			int64_t asked_at;
		} parent;
		struct served served;
		struct delegation delegation;
		struct {
			uint64_t dnskey, cds;
			uint16_t ns;
			bool csync, keys_only;
		} push;
		int64_t value;
	};
};

/* Own keys of a Concord signer: the facts of its rollovers, and which key of the world each is. */
struct own_keys {
	struct rollover_facts facts;
	uint8_t key[ROLLOVER_KEYS_MAX];
	struct rollover_policy policy;
};

/* The group as one signer knows it, and which key of the world each of its numbers is. */
struct known {
	struct group group;
	int8_t world_of[GROUP_KEYS_MAX];
	int8_t local_of[WORLD_KEYS];
};

struct instance {
	bool running; /* part of a group */
	bool up;
	bool holds;                    /* it was away for long, and answers nothing yet */
	int64_t looked_at, started_at; /* looked_at: all that was seen until then is written down */
	struct known known, disk;
	struct own_keys own, own_disk;
	uint8_t signer_of[GROUP_SIGNERS_MAX]; /* world's number */
	int8_t number_of[WORLD_SIGNERS];
	uint8_t losses[WORLD_SIGNERS + 1];
	uint64_t blind; /* signers that its looks do not reach now */
};

/* A signer without a group: rolls by its own clock, keeps what others put into its sets. */
struct plain {
	uint64_t own, zone_signing, key_signing, wanted_ds;
	uint64_t put_dnskey[WORLD_SIGNERS], put_cds[WORLD_SIGNERS]; /* by who put it */
	uint16_t put_ns[WORLD_SIGNERS];
	bool put_csync[WORLD_SIGNERS];
	uint8_t zsk, ksk, new_zsk, new_ksk;
	unsigned zsk_step, ksk_step;
};

struct signer {
	bool plain;
	uint8_t server_n;
	uint32_t life; /* what was sent to a server in an earlier life does not come there */
	bool dead;     /* answers nothing any more */
	uint32_t caught_up[ORACLE_SERVERS]; /* order of the last change that a server got */
	struct served now;                  /* what the first server has */
	struct served on[ORACLE_SERVERS];   /* what each has */
	struct instance i;
	struct plain p;
	uint32_t dnskey_ttl, zone_ttl, ns_ttl;
};

struct world {
	struct lots lots, rare; /* rare: what was added later does not change other histories */
	int64_t now, ends_at;
	uint32_t order;
	struct event *events; /* a heap */
	unsigned event_n;
	unsigned signer_n;
	struct signer signer[WORLD_SIGNERS];
	uint8_t server_n; /* the parent's */
	struct delegation parent, parent_on[ORACLE_SERVERS];
	uint32_t parent_caught_up[ORACLE_SERVERS];
	int64_t stubborn_until;
	bool lax;      /* it asks one signer alone for another algorithm */
	bool stranger; /* it has a DS that is nobody's */
	bool absences; /* somebody is away while another rolls by its own clock */
	unsigned key_n;
	struct {
		uint8_t owner, algorithm;
		bool sep;
	} key[WORLD_KEYS];
	uint16_t members;             /* told to be in the group, by the operators */
	uint32_t poll_s, lag_s, loss; /* loss: of 100 looks */
	uint32_t crash;               /* of 1000 steps */
	bool algorithm_rolls;
	bool plain; /* there is a plain signer */
	unsigned plain_n;
	uint32_t waived; /* guards switched off in every instance */
	bool trace;
	struct oracle oracle;
	/* what was reached, for coverage */
	uint32_t reached[MEMBER_STATES][8];
	unsigned joined, left, rolled, changed; /* changed: old algorithms that are gone */
};

struct world *world_new(void);
void world_free(struct world *w);
/* Plays one history to its end. False: something was bogus. */
bool world_play(struct world *w, uint64_t history);

/* lots.c */
uint64_t lots_next(struct lots *l);
uint32_t lots_below(struct lots *l, uint32_t n);
bool lots_hit(struct lots *l, uint32_t of_1000);

/* events.c */
struct event *world_post(struct world *w, int64_t at, enum event_kind kind, unsigned who);
bool world_next(struct world *w, struct event *out);

/* signers.c: what a signer serves */
void signer_serve(struct world *w, unsigned s);
void signer_falls_silent(struct world *w, unsigned s);
void signer_speaks_again(struct world *w, unsigned s);
int world_make_key(struct world *w, unsigned owner, uint8_t algorithm, bool sep);

/* concord.c */
void concord_start(struct world *w, unsigned s, uint8_t algorithm);
void concord_tick(struct world *w, unsigned s);
void concord_signer_look(struct world *w, const struct event *e);
void concord_parent_look(struct world *w, const struct event *e);
void concord_restart(struct world *w, unsigned s);
void concord_command(struct world *w, const struct event *e);

/* plain.c */
void plain_start(struct world *w, unsigned s, uint8_t algorithm);
void plain_roll(struct world *w, const struct event *e);
void plain_push(struct world *w, const struct event *e);
void plain_fill(const struct world *w, unsigned s, struct served *out);

/* parent.c */
void parent_scan(struct world *w);
void parent_server(struct world *w, const struct event *e);

/* script.c: who does what when */
void script_write(struct world *w);

#endif
