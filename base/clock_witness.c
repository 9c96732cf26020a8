/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/wait.h"

/* The witness answers at once, or is being started by its socket. */
#define WAIT_US 50000

static int connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int error, fd;

	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= (int)sizeof(at.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int fg_clock_witness(const char *path)
{
	char answer = '\0';
	int rc, fd = connect_to(path);

	if (fd < 0)
		return fd;
	rc = fg_wait_readable(fd, WAIT_US);
	if (rc == 0)
		rc = -ETIMEDOUT;
	else if (rc > 0 && recv(fd, &answer, 1, 0) < 0)
		rc = -errno;
	close(fd);
	if (rc < 0)
		return rc;
	if (answer != FG_CLOCK_SYNCED && answer != FG_CLOCK_UNSYNCED)
		return -EPROTO;
	return answer == FG_CLOCK_SYNCED;
}
