/* SPDX-License-Identifier: EUPL-1.2 */
/* The fake store's notes: the newest of each kind and key, durable with the next commit. */
#include "fake.h"

#include <stdlib.h>

static void forget(struct fake_note *n)
{
	free(n->bytes);
	*n = (struct fake_note){.kind = ""};
}

static bool is_note(const struct fake_note *n, const char *kind, const char *key)
{
	return n->bytes && strcmp(n->kind, kind) == 0 && strcmp(n->key, key) == 0;
}

int fake_port_set_state(void *arg, const char *kind, const char *key, const void *bytes, size_t len)
{
	struct fake *f = arg;
	size_t i = 0, free_at = FAKE_NOTES_MAX;

	if (strcmp(kind, FG_STATE_RETAINED) == 0 && !f->remember)
		return FG_EINVAL; /* tests that do not ask for it publish at once */
	if (f->bundle_lost || f->ledger_full)
		return f->ledger_full ? FG_EFULL : FG_OK;
	for (; i < FAKE_NOTES_MAX && !is_note(&f->notes[i], kind, key); i++)
		if (!f->notes[i].bytes && free_at == FAKE_NOTES_MAX)
			free_at = i;
	if (i == FAKE_NOTES_MAX)
		i = free_at;
	assert_true(i < FAKE_NOTES_MAX);
	forget(&f->notes[i]);
	snprintf(f->notes[i].kind, sizeof(f->notes[i].kind), "%s", kind);
	snprintf(f->notes[i].key, sizeof(f->notes[i].key), "%s", key);
	if (!len)
		return FG_OK;
	f->notes[i].bytes = malloc(len);
	memcpy(f->notes[i].bytes, bytes, len);
	f->notes[i].len = len;
	f->notes_set++;
	return FG_OK;
}

static void copy(struct fake_note to[FAKE_NOTES_MAX], const struct fake_note from[FAKE_NOTES_MAX])
{
	for (size_t i = 0; i < FAKE_NOTES_MAX; i++) {
		forget(&to[i]);
		if (!from[i].bytes)
			continue;
		to[i] = from[i];
		to[i].bytes = malloc(from[i].len);
		memcpy(to[i].bytes, from[i].bytes, from[i].len);
	}
}

void fake_notes_commit(struct fake *f)
{
	for (size_t i = 0; i < FAKE_NOTES_MAX && f->core; i++)
		if (f->notes[i].kind[0] && strcmp(f->notes[i].kind, FG_STATE_RETAINED) == 0 &&
			!f->notes[i].told) {
			f->notes[i].told = true;
			fg_core_noted(f->core, f->notes[i].key);
		}
	copy(f->durable_notes, f->notes);
}

void fake_notes_restart(struct fake *f)
{
	copy(f->notes, f->durable_notes);
	for (size_t i = 0; i < FAKE_NOTES_MAX; i++)
		if (f->notes[i].bytes)
			assert_int_equal(fg_core_known_state(f->core, f->notes[i].kind,
				f->notes[i].key, f->notes[i].bytes, f->notes[i].len), FG_OK);
}

void fake_notes_fini(struct fake *f)
{
	for (size_t i = 0; i < FAKE_NOTES_MAX; i++) {
		forget(&f->notes[i]);
		forget(&f->durable_notes[i]);
	}
}
