/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONFIG_PROFILES_H
#define FG_GATEWAY_CONFIG_PROFILES_H

#include "base/arena.h"
#include "base/key.h"
#include "base/report.h"
#include "protocol/registers.h"

/* The profile library as people and `fjordctl scan` see it: what each file says of itself, and by
 * what its instrument is recognised. */

/* Registers that an instrument of the profile is known to hold. */
struct fg_identify_probe {
	int table; /* enum fg_table */
	int64_t address;
	const uint16_t *values; /* any of these in one register; NULL: not asked for */
	size_t value_count;
	const char *text; /* part of the text that begins here; NULL: not asked for */
};

struct fg_identify {
	const char *vendor, *product, *server_id; /* NULL: not asked for */
	struct fg_identify_probes {
		const struct fg_identify_probe *items;
		size_t count;
	} registers;
};

/* `profile:` of a profile's file; nothing of it is used for polling. */
struct fg_profile_meta {
	const char *title, *vendor, *model, *source, *confidence, *verified, *notes, *example;
	const char *extends;
	struct fg_texts not_verified;
	struct fg_identify identify;
};

struct fg_profile_info {
	const char *name, *path;
	struct fg_profile_meta meta;
	const struct fg_node *root; /* laid over what it extends */
	const char *const *measures; /* the properties of its points, each once */
	size_t measure_count;
};

/* All profiles of the folder that a configuration at config_path (which need not exist) would
 * take them from, in name order; those with faults are left out and told in rep. */
struct fg_profile_list {
	struct fg_arena *arena;
	const char *folder;
	const struct fg_profile_info *items;
	size_t count;
};

struct fg_profile_list *fg_profiles_load(
	const char *config_path, const char *profile_dir, struct fg_report *rep);
void fg_profiles_free(struct fg_profile_list *list);
const struct fg_profile_info *fg_profile_get(const struct fg_profile_list *list, const char *name);

/* What an instrument says of itself. Texts may be empty. */
struct fg_identity {
	const char *vendor, *product, *server_id;
	/* One register, or a text's registers; false where the instrument does not give them. */
	bool (*read)(void *arg, enum fg_table table, uint16_t address, unsigned count,
		uint16_t *ret_cells);
	void *arg;
};

/* Whether all that the profile asks for holds, and how much that is: 0 where it does not, or where
 * nothing is asked for. Registers are read only where the rest holds. */
unsigned fg_identify_match(const struct fg_identify *want, const struct fg_identity *have);

#endif
