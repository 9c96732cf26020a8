/* SPDX-License-Identifier: EUPL-1.2 */
/* Sensors that have lost their DTLS session, as by a reset, and come again from the same port.
 * libcoap gives their ClientHello to the old session, which drops it: they would stay outside for
 * as long as they try. So each datagram is looked at before libcoap takes it. */
#include <coap3/coap.h>

#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "drivers/coap_server_io.h"

#define SOCKETS_MAX 4096
#define RECORD_HEAD 13
#define RANDOM_AT   (RECORD_HEAD + 12 + 2)
#define RANDOM_LEN  32

uint64_t fg_push_hello(const unsigned char *datagram, size_t len)
{
	static const unsigned char first[2] = {0, 0}; /* epoch: without a key */

	if (len < RANDOM_AT + RANDOM_LEN || datagram[0] != 22 || datagram[1] != 0xFE ||
		memcmp(datagram + 3, first, sizeof(first)) != 0 || datagram[RECORD_HEAD] != 1)
		return 0;
	return fg_push_hash(FG_PUSH_HASH, datagram + RANDOM_AT, RANDOM_LEN);
}

/* libcoap does not tell which it is. */
int fg_push_find_socket(const struct sockaddr_storage *addr, socklen_t addr_len)
{
	for (int fd = 0; fd < SOCKETS_MAX; fd++) {
		struct sockaddr_storage bound;
		socklen_t len = sizeof(bound), type_len = sizeof(int);
		int type;

		memset(&bound, 0, sizeof(bound));
		if (getsockname(fd, (struct sockaddr *)&bound, &len) == 0 && len == addr_len &&
			memcmp(&bound, addr, len) == 0 &&
			getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
			type == SOCK_DGRAM)
			return fd;
	}
	return -1;
}

static bool is_from(const coap_session_t *session, const struct sockaddr_storage *from)
{
	const coap_address_t *peer = coap_session_get_addr_remote(session);
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;

	if (peer->addr.sa.sa_family != from->ss_family)
		return false;
	if (from->ss_family == AF_INET6)
		return peer->addr.sin6.sin6_port == six->sin6_port &&
		       memcmp(&peer->addr.sin6.sin6_addr, &six->sin6_addr,
			       sizeof(six->sin6_addr)) == 0;
	return peer->addr.sin.sin_port == four->sin_port &&
	       peer->addr.sin.sin_addr.s_addr == four->sin_addr.s_addr;
}

void fg_push_look_ahead(struct fg_push_server *s)
{
	unsigned char head[RANDOM_AT + RANDOM_LEN];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	s->hello = 0;
	if (s->fd < 0)
		return;
	n = recvfrom(s->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT, (struct sockaddr *)&from,
		&from_len);
	s->hello = n > 0 ? fg_push_hello(head, (size_t)n) : 0;
	for (struct fg_push_peer *p = s->peers; p && s->hello; p = p->next) {
		/* the hello of this session may come twice */
		if (!p->ready || p->hello == s->hello || !is_from(p->session, &from))
			continue;
		fg_debug(FG_DEBUG_coap, "link %s: '%s' begins anew", s->ls->link->name,
			p->identity);
		p->ready = false;
		p->identity[0] = '\0';
		coap_session_disconnected(p->session, COAP_NACK_NOT_DELIVERABLE);
		return; /* the list may be another */
	}
}
