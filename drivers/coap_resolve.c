/* SPDX-License-Identifier: EUPL-1.2 */
/* Host names to addresses without blocking the caller. getaddrinfo() waits as long as the name
 * servers do, and all CoAP links share one thread, so each look-up has a short-lived thread. */
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/thread.h"
#include "drivers/coap_internal.h"

enum { RUNNING, DONE, ABANDONED };

struct fg_resolve {
	_Atomic int state; /* whoever comes second frees */
	char host[256], port[8];
	struct fg_address found[FG_RESOLVE_MAX];
	size_t count;
	int error; /* of getaddrinfo */
};

static int look_up(const char *host, const char *port, int flags,
	struct fg_address ret[FG_RESOLVE_MAX], size_t *ret_count)
{
	struct addrinfo hints = {.ai_flags = flags | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list, *ai;
	size_t n = 0;
	int error = getaddrinfo(host, port, &hints, &list);

	if (error)
		return error;
	for (ai = list; ai && n < FG_RESOLVE_MAX; ai = ai->ai_next) {
		if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
			continue;
		memcpy(&ret[n].addr, ai->ai_addr, ai->ai_addrlen);
		ret[n++].len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
	*ret_count = n;
	return n ? 0 : EAI_NONAME;
}

int fg_resolve_numeric(const char *host, uint16_t port, struct fg_address *ret)
{
	struct fg_address found[FG_RESOLVE_MAX];
	char text[8];
	size_t n;

	snprintf(text, sizeof(text), "%u", port);
	if (look_up(host, text, AI_NUMERICHOST, found, &n))
		return FG_EINVAL;
	*ret = found[0];
	return FG_OK;
}

static void *thread(void *arg)
{
	struct fg_resolve *r = arg;

	r->error = look_up(r->host, r->port, AI_ADDRCONFIG, r->found, &r->count);
	if (atomic_exchange(&r->state, DONE) == ABANDONED)
		free(r);
	return NULL;
}

int fg_resolve_start(const char *host, uint16_t port, struct fg_resolve **ret)
{
	struct fg_resolve *r = calloc(1, sizeof(*r));
	pthread_t id;
	int error;

	if (!r)
		return FG_ENOMEM;
	snprintf(r->host, sizeof(r->host), "%s", host);
	snprintf(r->port, sizeof(r->port), "%u", port);
	error = fg_thread_start(&id, "resolve", thread, r);
	if (error < 0) {
		free(r);
		return error;
	}
	pthread_detach(id);
	*ret = r;
	return FG_OK;
}

int fg_resolve_poll(struct fg_resolve *r, struct fg_address ret[FG_RESOLVE_MAX], size_t *ret_count,
	const char **ret_why)
{
	int error;

	if (atomic_load(&r->state) != DONE)
		return FG_PENDING;
	error = r->error;
	if (!error) {
		memcpy(ret, r->found, sizeof(r->found));
		*ret_count = r->count;
	}
	free(r);
	if (!error)
		return FG_OK;
	*ret_why = gai_strerror(error);
	return FG_ENOENT;
}

void fg_resolve_abandon(struct fg_resolve *r)
{
	if (r && atomic_exchange(&r->state, ABANDONED) == DONE)
		free(r);
}
