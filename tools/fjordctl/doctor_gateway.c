/* SPDX-License-Identifier: EUPL-1.2 */
/* The gateway itself: whether it runs, as whom, and whether it runs on what the files say. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "doctor.h"

#define ANSWER_S 5

/* ---- meeting it ---- */

static int on_status(void *arg, const char *text)
{
	cJSON **doc = arg;

	if (!*doc)
		*doc = cJSON_Parse(text);
	return 0;
}

void doctor_meet(struct doctor *d)
{
	static const char *const words[] = {"status"};
	const struct timeval limit = {.tv_sec = ANSWER_S};
	int fd;

	d->socket = ctl_find_socket(d->ctl);
	if (d->ctl->config == NULL && d->ctl->socket == NULL && !getenv("FJORDGATE_SOCKET")) {
		free(d->socket);
		d->socket = strdup(d->config->control.socket);
	}
	doctor_unit_ask(&d->unit);
	doctor_take_user(d);
	fd = d->socket ? ctl_connect(d->socket) : -1;
	if (fd < 0) {
		d->connect_error = errno;
		return;
	}
	d->runs = true;
	doctor_take_peer(d, fd);
	if (!doctor_unit_is(d->pid))
		d->unit.loaded = false; /* it was started otherwise */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ctl_ask(fd, words, 1, on_status, &d->status);
	close(fd);
}

/* ---- checks ---- */

static void tell_well(struct doctor_check *c)
{
	const cJSON *g = cJSON_GetObjectItemCaseSensitive(c->doctor->status, "gateway");
	char age[32];

	doctor_tell(c, DOCTOR_OK, "", "'%s' runs since %s as user %s (process %d), version %s",
		ctl_text(g, "id"), ctl_age(ctl_number(g, "uptime_s"), age, sizeof(age)),
		c->doctor->user.name, (int)c->doctor->pid, ctl_text(g, "version"));
	if (strcmp(ctl_text(g, "version"), FG_VERSION) != 0)
		doctor_tell(c, DOCTOR_WARN, "systemctl restart fjordgate",
			"it runs version %s, and %s is installed", ctl_text(g, "version"),
			FG_VERSION);
}

static void check_runs(struct doctor_check *c)
{
	const struct doctor *d = c->doctor;
	int error = d->connect_error;

	if (d->status)
		tell_well(c);
	else if (d->runs)
		doctor_tell(c, DOCTOR_FAIL, "journalctl -u fjordgate; systemctl restart fjordgate",
			"it listens at %s and does not answer", d->socket);
	else if (error == EACCES || error == EPERM)
		doctor_tell(c, DOCTOR_WARN,
			"ask with sudo, or become a member of the socket's group",
			"you may not ask it: no permission for %s", d->socket);
	else
		doctor_tell(c, DOCTOR_WARN,
			"systemctl start fjordgate; why it ended says journalctl -u fjordgate",
			"it does not run: nobody answers at %s; files are looked at for user %s",
			d->socket, d->user.name);
}

static void check_drift(struct doctor_check *c)
{
	const struct doctor *d = c->doctor;
	const cJSON *running = cJSON_GetObjectItemCaseSensitive(d->status, "config");
	char mine[PATH_MAX], theirs[PATH_MAX], print[20];

	snprintf(print, sizeof(print), "%016llx", (unsigned long long)d->config->fingerprint);
	if (!running) {
		doctor_tell(c, DOCTOR_OK, "", "no faults");
	} else if (strcmp(ctl_text(running, "fingerprint"), print) == 0) {
		doctor_tell(c, DOCTOR_OK, "", "the gateway runs on what the files say");
	} else if (realpath(d->config_path, mine) && realpath(ctl_text(running, "file"), theirs) &&
		   strcmp(mine, theirs) != 0) {
		doctor_tell(c, DOCTOR_WARN, "name that file with -c, or restart the gateway",
			"the gateway runs on another file, %s", theirs);
	} else {
		doctor_tell(c, DOCTOR_WARN,
			"systemctl reload fjordgate (some keys need a restart: the log tells)",
			"the files were changed since the gateway read them");
	}
}

/* What a package has put beside a file that was edited, or an editor left. */
static void check_leftovers(struct doctor_check *c)
{
	static const struct {
		bool drop_in;
		const char *suffix;
	} kinds[] = {{false, ".dpkg-*"}, {false, ".ucf-*"}, {true, ".dpkg-*"}, {true, ".ucf-*"}};
	const char *path = c->doctor->config_path, *slash = strrchr(path, '/');
	size_t before = c->count;

	for (size_t i = 0; i < FG_COUNT(kinds); i++) {
		char pattern[PATH_MAX];
		glob_t found;

		if (kinds[i].drop_in)
			snprintf(pattern, sizeof(pattern), "%.*s/conf.d/*%s",
				slash ? (int)(slash - path) : 1, slash ? path : ".",
				kinds[i].suffix);
		else
			snprintf(pattern, sizeof(pattern), "%s%s", path, kinds[i].suffix);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			doctor_tell(c, DOCTOR_WARN,
				"compare it with the file in force, take over what is new, delete "
				"it",
				"%s is left from an upgrade", found.gl_pathv[k]);
		globfree(&found);
	}
	if (c->count == before)
		doctor_tell(c, DOCTOR_OK, "", "nothing is left from upgrades");
}

static void check_config(struct doctor_check *c)
{
	check_drift(c);
	check_leftovers(c);
}

void doctor_add_gateway(struct doctor *d)
{
	doctor_add(d, "gateway", "", check_runs);
	doctor_add(d, "config", d->config_path, check_config);
}
