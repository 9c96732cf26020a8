/* SPDX-License-Identifier: EUPL-1.2 */
/* What a connection has cost so far, by the kernel's own count: with TLS, acknowledgements, pings
 * and what was sent twice. */
#include <netinet/in.h>
#include <sys/socket.h>

/* the C library's <netinet/tcp.h> has an older tcp_info, without bytes */
#include <linux/tcp.h>

#include "gateway/session_private.h"

/* Of a segment without options: IPv4 or IPv6, and TCP with time stamps. */
#define HEAD_4 52
#define HEAD_6 72

bool fg_session_traffic(int fd, struct fg_traffic *ret)
{
	struct tcp_info info = {0};
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(info), own_len = sizeof(own);
	uint64_t head;

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
		getsockname(fd, (struct sockaddr *)&own, &own_len) < 0)
		return false; /* one that was reset has no peer any more, but its count */
	head = own.ss_family == AF_INET6 ? HEAD_6 : HEAD_4;
	/* received bytes are counted before they are read; sent ones need a kernel of 4.19 */
	ret->received = info.tcpi_bytes_received;
	ret->wire = info.tcpi_bytes_sent + info.tcpi_bytes_received +
		    head * ((uint64_t)info.tcpi_segs_out + info.tcpi_segs_in);
	return true;
}

void fg_session_count_wire(struct fg_session *s)
{
	struct fg_traffic traffic;

	if (!s->mosq || !fg_session_traffic(mosquitto_socket(s->mosq), &traffic))
		return;
	s->untold_wire += traffic.wire - s->counted_wire;
	s->counted_wire = traffic.wire;
}
