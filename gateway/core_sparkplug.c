/* SPDX-License-Identifier: EUPL-1.2 */
/* The number of births and deaths (bdSeq) of Sparkplug destinations, kept over a restart: a death
 * that comes late must not be taken for that of the next session. */
#include "gateway/core_state.h"

#define NOTE "sparkplug"

void fg_core_publisher_connects(
	void *arg, struct fg_publisher *p, size_t server, uint32_t epoch)
{
	struct fg_core *core = arg;
	const uint8_t bd_seq = fg_spark_bd_seq(epoch);

	/* where the store takes nothing now, the next run may begin with a number of this one */
	if (p->spark)
		fg_core_set_state(core, NOTE, p->conf->name, &bd_seq, sizeof(bd_seq));
	core->ports.connect(core->ports.arg, p->conf, server, epoch);
}

int fg_core_sparkplug_take_note(
	struct fg_core *core, const char *key, const void *bytes, size_t len)
{
	struct fg_publisher *p = fg_core_publisher(core, key);

	if (p && p->spark && len == 1)
		p->epoch = *(const uint8_t *)bytes + 1u;
	return 0;
}
