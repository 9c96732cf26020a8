/* SPDX-License-Identifier: EUPL-1.2 */
/* The clock's witness: tells each connection on the socket that is its standard input whether the
 * kernel says that wall time is synchronised (base/clock.h). systemd/fjordgate-clock.socket starts
 * it when it is first asked. So the daemon, which talks to sensors and brokers, may be kept from
 * all calls that concern the clock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

int main(void)
{
	char answer;
	int fd;

	for (;;) {
		fd = accept(STDIN_FILENO, NULL, NULL);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			break;
		answer = fg_clock_kernel_synced() > 0 ? FG_CLOCK_SYNCED : FG_CLOCK_UNSYNCED;
		(void)send(fd, &answer, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
	fprintf(stderr, "fjordgate-clock: accept: %s; standard input must be a listening socket\n",
		strerror(errno));
	return 71; /* EX_OSERR */
}
