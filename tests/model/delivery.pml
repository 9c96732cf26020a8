/* SPDX-License-Identifier: EUPL-1.2 */
/* Delivery as a model: readings are taken, stored in group commits, published to two
 * destinations, acknowledged, and dropped for want of room, while connections break and the power
 * fails at any moment. spin looks at every order in which that can happen, for a small bound.
 *
 * Each step of the loop below is what one thread does between two messages to another one, so the
 * interleavings of the model are those of the program: the core decides, the store makes durable
 * what it was handed before, the broker takes and acknowledges when it likes.
 *
 * What is claimed, for each destination and each reading that was ever durable:
 *   - at the end it has arrived, or a gap tells of it (no loss);
 *   - never both, but for one that was dropped while nobody could know whether it arrived;
 *   - nothing arrives that was not durable when it was sent (store first, then publish);
 *   - when nothing can happen any more, nothing is left to do (no progress stuck).
 *
 * The FAULT_ defines each break one rule of the program. `run` checks that spin finds every one. */

#ifndef READINGS
#define READINGS 2 /* 2 or 3 */
#endif
#define DESTINATIONS 2
#ifndef ROOM
#define ROOM 1 /* rows that the store holds before it must drop */
#endif
#ifndef CUTS
#define CUTS 2 /* power cuts */
#endif
#ifndef BREAKS
#define BREAKS 2 /* broken connections */
#endif

typedef destination {
	/* in memory */
	bool online;
	bit unacked[READINGS];
	bit doubt[READINGS];  /* sent on an earlier connection, never acknowledged */
	bit flying[READINGS]; /* sent on this one */
	bit acking[READINGS]; /* the broker has it, its acknowledgement is under way */
	bit owed[READINGS];   /* told to the store that wants room: lacking for certain */
	bit vague[READINGS];  /* the same: lacking, or on its way */
	/* handed to the store, not durable yet */
	bit handed[READINGS];
	/* on disk */
	bit saved[READINGS]; /* not acknowledged, as of the last group commit */
	bit lost[READINGS];  /* dropped, to be told */
	/* outside */
	bit got[READINGS];
	bit told[READINGS];
};

destination dest[DESTINATIONS];

bit row[READINGS];	/* on disk */
bit was_row[READINGS];	/* was on disk at some time */
bit unsure[READINGS];	/* dropped while in doubt: may be told and have arrived */
byte taken;		/* numbers given out: memory */
byte handed_next;	/* appended below: handed to the store */
byte stored_next;	/* durable below: disk */
byte known_next;	/* the core knows them durable: memory */
byte cuts, breaks;
bool group;		/* a group is with the store */
bool wants_room;	/* the core has frozen: nothing is sent until room is made */

/* Scratch; always 0 between steps, so that states do not multiply. */
byte i, d, victim;
bool found;

inline reset_scratch()
{
	i = 0; d = 0; victim = 0; found = false
}

/* ---- the core ---- */

inline take()
{
	/* numbers are reserved before use: they rise over power cuts too */
	d = 0;
	do
	:: d < DESTINATIONS -> dest[d].unacked[taken] = 1; d++
	:: else -> break
	od;
	taken++
}

/* The core hands over what it has: readings, and what is not acknowledged, in one group. */
inline hand_over()
{
	handed_next = taken;
	d = 0;
	do
	:: d < DESTINATIONS ->
		i = 0;
		do
		:: i < READINGS -> dest[d].handed[i] = dest[d].unacked[i]; i++
		:: else -> break
		od;
		d++
	:: else -> break
	od;
	group = true
}

inline commit()
{
	i = stored_next;
	do
	:: i < handed_next -> row[i] = 1; was_row[i] = 1; i++
	:: else -> break
	od;
	stored_next = handed_next;
	d = 0;
	do
	:: d < DESTINATIONS ->
		i = 0;
		do
		:: i < READINGS -> dest[d].saved[i] = dest[d].handed[i]; dest[d].handed[i] = 0; i++
		:: else -> break
		od;
		d++
	:: else -> break
	od;
	group = false
}

#ifdef FAULT_PUBLISH_BEFORE_COMMIT
#define MAY_SEND(n) (n < taken)
#else
#define MAY_SEND(n) (n < known_next && row[n])
#endif
#ifdef FAULT_NO_FREEZE
#define FROZEN false
#else
#define FROZEN wants_room
#endif

inline send(k, n)
{
	dest[k].flying[n] = 1
}

/* The broker takes a message that is on its way. */
inline arrive(k, n)
{
	assert(was_row[n]);
	dest[k].got[n] = 1;
	assert(!dest[k].told[n] || unsure[n]);
	dest[k].flying[n] = 0;
	dest[k].acking[n] = 1
}

inline acknowledged(k, n)
{
	dest[k].acking[n] = 0;
	dest[k].unacked[n] = 0;
	dest[k].doubt[n] = 0
}

/* The connection ends: what is on its way is lost on either way. */
inline lose(k)
{
	dest[k].online = false;
	i = 0;
	do
	:: i < READINGS ->
#ifdef FAULT_FORGET_DOUBT
		skip;
#else
		if
		:: dest[k].flying[i] || dest[k].acking[i] -> dest[k].doubt[i] = 1
		:: else
		fi;
#endif
#ifdef FAULT_SENT_IS_ACKNOWLEDGED
		if
		:: dest[k].flying[i] -> dest[k].unacked[i] = 0
		:: else
		fi;
#endif
		dest[k].flying[i] = 0;
		dest[k].acking[i] = 0;
		i++
	:: else -> break
	od
}

/* ---- the store without room ---- */

#define UNDELIVERED(n) (row[n] && (dest[0].unacked[n] || dest[1].unacked[n]))
#if READINGS == 2
#define FULL (UNDELIVERED(0) + UNDELIVERED(1) > ROOM)
#else
#define FULL (UNDELIVERED(0) + UNDELIVERED(1) + UNDELIVERED(2) > ROOM)
#endif

#define UNDER_WAY(k, n) (dest[k].doubt[n] || dest[k].flying[n] || dest[k].acking[n])

/* The core says who lacks what, and sends nothing until room is made. */
inline answer_want()
{
	d = 0;
	do
	:: d < DESTINATIONS ->
		i = 0;
		do
		:: i < READINGS ->
			dest[d].vague[i] = (dest[d].unacked[i] && UNDER_WAY(d, i));
			dest[d].owed[i] = dest[d].unacked[i] && !dest[d].vague[i];
			i++
		:: else -> break
		od;
		d++
	:: else -> break
	od;
	wants_room = true
}

#define OWED(n) (dest[0].owed[n] || dest[1].owed[n])
#define VAGUE(n) (dest[0].vague[n] || dest[1].vague[n])

/* The oldest that is on its way to nobody; where there is none, the oldest. */
inline choose_victim()
{
	victim = READINGS;
	i = READINGS;
	do
	:: i > 0 ->
		i--;
		if
		:: row[i] && VAGUE(i) && !found -> victim = i
		:: row[i] && OWED(i) && !VAGUE(i) -> victim = i; found = true
		:: else
		fi
	:: else -> break
	od
}

/* One transaction: the row goes, and each that lacks it is to be told. */
inline drop()
{
	choose_victim();
	if
	:: victim < READINGS && !found -> unsure[victim] = 1
	:: else
	fi;
	d = 0;
	do
	:: d < DESTINATIONS && victim < READINGS ->
#ifdef FAULT_LOSS_BY_SAVED_STATE
		dest[d].lost[victim] = dest[d].lost[victim] || dest[d].saved[victim];
#else
#ifndef FAULT_LOSS_NOT_STORED
		if
		:: dest[d].owed[victim] || dest[d].vague[victim] -> dest[d].lost[victim] = 1
		:: else
		fi;
#endif
#endif
		dest[d].unacked[victim] = 0;
		dest[d].doubt[victim] = 0;
		d++
	:: else -> break
	od;
	if
	:: victim < READINGS -> row[victim] = 0
	:: else
	fi;
	room_made()
}

inline room_made()
{
	d = 0;
	do
	:: d < DESTINATIONS ->
		i = 0;
		do
		:: i < READINGS -> dest[d].owed[i] = 0; dest[d].vague[i] = 0; i++
		:: else -> break
		od;
		d++
	:: else -> break
	od;
	wants_room = false
}

/* ---- power ---- */

/* Memory is gone. What each destination lacks is what the last group said, and whatever came
 * later; nobody knows what of it was under way. */
inline power_cut()
{
	cuts++;
	d = 0;
	do
	:: d < DESTINATIONS ->
		dest[d].online = false;
		i = 0;
		do
		:: i < READINGS ->
			if
			:: i < stored_next -> dest[d].unacked[i] = dest[d].saved[i] && row[i]
			:: else -> dest[d].unacked[i] = 0
			fi;
#ifndef FAULT_NO_DOUBT_AFTER_CUT
			dest[d].doubt[i] = dest[d].unacked[i];
#else
			dest[d].doubt[i] = 0;
#endif
			dest[d].flying[i] = 0;
			dest[d].acking[i] = 0;
			dest[d].handed[i] = 0;
			i++
		:: else -> break
		od;
		d++
	:: else -> break
	od;
	group = false;
	room_made();
	/* numbers of readings that were not stored are never used again */
	stored_next = taken;
	handed_next = taken;
	known_next = taken
}

/* ---- the world: any of these may be next ---- */

/* There is something to save. */
#define CHANGED_AT(k, n) (dest[k].unacked[n] != dest[k].saved[n])
#if READINGS == 2
#define CHANGED_FOR(k) (CHANGED_AT(k, 0) || CHANGED_AT(k, 1))
#else
#define CHANGED_FOR(k) (CHANGED_AT(k, 0) || CHANGED_AT(k, 1) || CHANGED_AT(k, 2))
#endif

/* One message of one destination. */
#define MESSAGE(k, n) \
	:: atomic { dest[k].online && !FROZEN && MAY_SEND(n) && dest[k].unacked[n] \
		    && !dest[k].flying[n] && !dest[k].acking[n] -> send(k, n) } \
	:: atomic { dest[k].flying[n] -> arrive(k, n) } \
	:: atomic { dest[k].acking[n] -> acknowledged(k, n) } \
	:: atomic { dest[k].online && dest[k].lost[n] && !dest[k].told[n] -> \
		    assert(!dest[k].got[n] || unsure[n]); dest[k].told[n] = 1 }

#define CONNECTION(k) \
	:: atomic { !dest[k].online -> dest[k].online = true } \
	:: atomic { dest[k].online && breaks < BREAKS -> \
		    breaks++; lose(k); reset_scratch() }

#ifdef FAULT_SAVES_FOR_EVER
#define SAVE_DUE true
#else
#define SAVE_DUE (handed_next < taken || CHANGED_FOR(0) || CHANGED_FOR(1))
#endif

active proctype world()
{
	do
	:: atomic { taken < READINGS -> take(); reset_scratch() }
	:: atomic { !group && SAVE_DUE -> hand_over(); reset_scratch() }
	:: atomic { group -> commit(); reset_scratch() }
	:: atomic { known_next < stored_next -> known_next = stored_next }
	:: atomic { cuts < CUTS -> power_cut(); reset_scratch() }
	:: atomic { !wants_room && FULL -> answer_want(); reset_scratch() }
	:: atomic { wants_room -> drop(); reset_scratch() }
	CONNECTION(0)
	CONNECTION(1)
	MESSAGE(0, 0)
	MESSAGE(0, 1)
	MESSAGE(1, 0)
	MESSAGE(1, 1)
#if READINGS == 3
	MESSAGE(0, 2)
	MESSAGE(1, 2)
#endif
	:: timeout -> break
	od;
	/* nothing can happen any more: everybody has everything, or was told */
	d = 0;
	do
	:: d < DESTINATIONS ->
		i = 0;
		do
		:: i < READINGS ->
			assert(!was_row[i] || dest[d].got[i] || dest[d].told[i]);
			assert(!dest[d].unacked[i]);
			i++
		:: else -> break
		od;
		d++
	:: else -> break
	od
}
