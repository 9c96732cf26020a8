/* SPDX-License-Identifier: EUPL-1.2 */
/* Which mistake of base/plant.h is in the gateway that is simulated. */
#include <stdio.h>
#include <string.h>

#include "base/plant.h"
#include "sim.h"

#ifdef FG_PLANT

enum fg_plant fg_plant_bug;

static const struct {
	const char *name, *text;
} bugs[FG_PLANT_COUNT] = {
#define X(constant, name, text) [FG_PLANT_##constant] = {name, text},
	FG_PLANT_BUGS(X)
#undef X
};

bool sim_plant(const char *name)
{
	for (int i = FG_PLANT_NONE + 1; i < FG_PLANT_COUNT; i++)
		if (strcmp(bugs[i].name, name) == 0) {
			fg_plant_bug = (enum fg_plant)i;
			return true;
		}
	return false;
}

void sim_plant_list(void)
{
	for (int i = FG_PLANT_NONE + 1; i < FG_PLANT_COUNT; i++)
		printf("%s\t%s\n", bugs[i].name, bugs[i].text);
}

#else

bool sim_plant(const char *name)
{
	(void)name;
	return false;
}

void sim_plant_list(void)
{
}

#endif
