/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents that do not go out: too long, denied, or of those on which a broker ends the
 * connection. Each is told once, in the log and for as long as it holds in the status. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "gateway/documents.h"
#include "gateway/publisher_private.h"

/* Fixed head, length of the topic, packet id: what a packet has at least beside topic and payload;
 * and with all properties that ours may have. */
#define HEAD_MIN 9
#define HEAD_MAX 768

bool fg_pub_too_long_for_broker(const struct fg_publisher *p, size_t topic_len, size_t len)
{
	/* a birth has to be known to arrive before what depends on it is sent; of the others the
	 * session says what is closer */
	const size_t head = p->spark ? HEAD_MAX : HEAD_MIN;

	return p->limits.packet && topic_len + len + head > p->limits.packet;
}

static struct fg_pub_untold *find(const struct fg_publisher *p, uint64_t id)
{
	for (size_t i = 0; i < p->untold_count; i++)
		if (p->untold[i].id == id)
			return (struct fg_pub_untold *)(uintptr_t)&p->untold[i];
	return NULL;
}

static void look_up_topic(struct fg_publisher *p, uint64_t id, char *text, size_t size)
{
	struct fg_message m = {0};
	struct fg_buf topic, payload;

	fg_buf_wrap(&topic, text, size);
	fg_buf_init(&payload, FG_DOCUMENT_MAX);
	if (p->spark || fg_pub_write_document(p, (size_t)id, &topic, &payload, &m) ==
				FG_PUB_NO_DOCUMENT)
		snprintf(text, size, "%s", p->spark ? "a birth" : "one that is gone");
	fg_buf_fini(&payload);
}

static void say(const struct fg_publisher *p, const struct fg_pub_untold *u)
{
	char why[160];

	switch (u->why) {
	case FG_PUB_TOO_LONG:
		snprintf(why, sizeof(why), "it is longer than %u KiB; several destinations with "
					   "`select` have shorter ones", FG_DOCUMENT_MAX >> 10);
		break;
	case FG_PUB_TOO_LONG_FOR_BROKER:
		snprintf(why, sizeof(why), "the broker takes packets of at most %u bytes",
			(unsigned)p->limits.packet);
		break;
	case FG_PUB_DENIED:
		snprintf(why, sizeof(why), "the broker refuses it (reason code 0x%02x)", u->code);
		break;
	case FG_PUB_BREAKS:
		snprintf(why, sizeof(why), "the broker ends the connection whenever it comes");
		break;
	}
	fg_error("destination '%s': document '%s' is not published: %s", p->conf->name, u->topic,
		why);
}

/* A place for one more; those that may come again go first. */
static struct fg_pub_untold *place(struct fg_publisher *p, enum fg_pub_untold_why why)
{
	if (p->untold_count < FG_PUB_UNTOLD_MAX)
		return &p->untold[p->untold_count++];
	p->untold_more++;
	for (size_t i = 0; i < FG_PUB_UNTOLD_MAX && why == FG_PUB_BREAKS; i++)
		if (p->untold[i].why != FG_PUB_BREAKS)
			return &p->untold[i];
	return NULL;
}

void fg_pub_untold(struct fg_publisher *p, uint64_t id, const char *topic,
	enum fg_pub_untold_why why, uint8_t code)
{
	struct fg_pub_untold *u = find(p, id);

	if (u && u->why == why && u->code == code)
		return;
	if (!u)
		u = place(p, why);
	if (!u)
		return; /* counted */
	*u = (struct fg_pub_untold){.id = id, .why = why, .code = code};
	if (topic)
		snprintf(u->topic, sizeof(u->topic), "%s", topic);
	else
		look_up_topic(p, id, u->topic, sizeof(u->topic));
	say(p, u);
}

void fg_pub_told(struct fg_publisher *p, uint64_t id)
{
	struct fg_pub_untold *u = find(p, id);

	if (!u)
		return;
	fg_notice("destination '%s': document '%s' is published", p->conf->name, u->topic);
	*u = p->untold[--p->untold_count];
}

void fg_pub_forget_untold(struct fg_publisher *p)
{
	p->untold_count = 0;
	p->untold_more = 0;
}

bool fg_pub_breaks(const struct fg_publisher *p, uint64_t id)
{
	const struct fg_pub_untold *u = p->untold_count ? find(p, id) : NULL;

	return u && u->why == FG_PUB_BREAKS;
}

void fg_pub_untold_status(const struct fg_publisher *p, struct fg_json *j)
{
	static const char *const whys[] = {[FG_PUB_TOO_LONG] = "too_long",
		[FG_PUB_TOO_LONG_FOR_BROKER] = "too_long_for_broker",
		[FG_PUB_DENIED] = "refused",
		[FG_PUB_BREAKS] = "ends_connection"};

	if (!p->untold_count)
		return;
	fg_json_array(j, "documents_not_sent");
	for (size_t i = 0; i < p->untold_count; i++) {
		fg_json_object(j, NULL);
		fg_json_text(j, "topic", p->untold[i].topic);
		fg_json_text(j, "why", whys[p->untold[i].why]);
		if (p->untold[i].code)
			fg_json_int(j, "code", p->untold[i].code);
		fg_json_end_object(j);
	}
	fg_json_end_array(j);
	if (p->untold_more)
		fg_json_uint(j, "documents_not_sent_more", p->untold_more);
}
