/* SPDX-License-Identifier: EUPL-1.2 */
/* What the brokers of the fake world got. */
#include "fake.h"

const struct fake_sent *fake_sent_reading(const struct fake_broker *b, size_t from, size_t i)
{
	for (; from < b->sent_count; from++)
		if (strstr(b->sent[from].topic, "/obs/") && i-- == 0)
			return &b->sent[from];
	fail_msg("so many readings were not sent");
	return NULL;
}

const struct fake_sent *fake_sent_entry(const struct fake_broker *b, size_t from, size_t i)
{
	for (; from < b->sent_count; from++)
		if (b->sent[from].seq && i-- == 0)
			return &b->sent[from];
	fail_msg("so many entries were not sent");
	return NULL;
}

size_t fake_entries(const struct fake_broker *b, size_t from)
{
	size_t n = 0;

	for (; from < b->sent_count; from++)
		n += b->sent[from].seq != 0;
	return n;
}

size_t fake_readings(const struct fake_broker *b, size_t from)
{
	size_t n = 0;

	for (; from < b->sent_count; from++)
		n += strstr(b->sent[from].topic, "/obs/") != NULL;
	return n;
}
