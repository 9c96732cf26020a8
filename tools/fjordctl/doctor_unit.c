/* SPDX-License-Identifier: EUPL-1.2 */
/* What the service manager makes of the gateway's unit, drop-ins included: its user, and which
 * devices it may open. */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor.h"

#define UNIT	"fjordgate.service"
#define WAIT_US 3000000

extern char **environ;

/* ---- asking ---- */

static void take_line(struct doctor_unit *unit, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return;
	*value++ = '\0';
	value[strcspn(value, "\n")] = '\0';
	if (strcmp(line, "LoadState") == 0)
		unit->loaded = strcmp(value, "loaded") == 0;
	else if (strcmp(line, "User") == 0)
		snprintf(unit->user, sizeof(unit->user), "%s", value);
	else if (strcmp(line, "Group") == 0)
		snprintf(unit->group, sizeof(unit->group), "%s", value);
	else if (strcmp(line, "SupplementaryGroups") == 0)
		snprintf(unit->more_groups, sizeof(unit->more_groups), "%s", value);
	else if (strcmp(line, "DevicePolicy") == 0)
		unit->closed = strcmp(value, "auto") != 0;
	else if (strcmp(line, "DeviceAllow") == 0 && unit->device_count < DOCTOR_DEVICES)
		snprintf(unit->devices[unit->device_count++], sizeof(unit->devices[0]), "%.*s",
			(int)strcspn(value, " "), value);
}

void doctor_unit_take(struct doctor_unit *unit, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		take_line(unit, line);
}

/* Whatever it says in the time that it has. */
static void hear(int fd, char *text, size_t size)
{
	int64_t until_us = fg_clock_mono_us() + WAIT_US;
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && doctor_wait(fd, false, until_us) &&
		(n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

void doctor_unit_ask(struct doctor_unit *unit)
{
	char *const words[] = {"systemctl", "show", UNIT,
		"--property=LoadState,User,Group,SupplementaryGroups,DevicePolicy,DeviceAllow",
		NULL};
	posix_spawn_file_actions_t actions;
	char text[8192];
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, words[0], &actions, NULL, words, environ) == 0) {
		close(ends[1]);
		hear(ends[0], text, sizeof(text));
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		doctor_unit_take(unit, text);
	} else {
		close(ends[1]);
	}
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
}

bool doctor_unit_is(pid_t pid)
{
	char path[40], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/cgroup", (long)pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "/" UNIT);
	if (f)
		fclose(f);
	return found;
}

/* ---- devices ---- */

/* "char-ttyS" is the group of that name in /proc/devices; it may have wildcards. */
static bool is_of_group(const char *pattern, unsigned major)
{
	FILE *f = fopen("/proc/devices", "re");
	char line[80], name[64];
	unsigned number;
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f) && line[0] != 'B') /* Block devices: */
		found = sscanf(line, "%u %63s", &number, name) == 2 && number == major &&
			fnmatch(pattern, name, 0) == 0;
	if (f)
		fclose(f);
	return found;
}

bool doctor_unit_lets(const struct doctor_unit *unit, const struct stat *st)
{
	if (!unit->loaded || !unit->closed || is_of_group("pts", major(st->st_rdev)))
		return true;
	for (size_t i = 0; i < unit->device_count; i++) {
		const char *device = unit->devices[i];
		struct stat its;

		if (strncmp(device, "char-", 5) == 0 ? is_of_group(device + 5, major(st->st_rdev))
						     : stat(device, &its) == 0 &&
							       its.st_rdev == st->st_rdev)
			return true;
	}
	return false;
}
