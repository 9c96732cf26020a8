/* SPDX-License-Identifier: EUPL-1.2 */
/* The gateway itself: whether it runs, as whom, and whether it runs on what the files say. */
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "doctor.h"

#define SERVICE_USER "fjordgate"
#define ANSWER_S     5

/* ---- who it is ---- */

bool doctor_may(const struct doctor_user *u, const struct stat *st, unsigned want)
{
	if (u->uid == 0)
		return true;
	if (st->st_uid == u->uid)
		return (st->st_mode >> 6 & want) == want;
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == st->st_gid)
			return (st->st_mode >> 3 & want) == want;
	return (st->st_mode & want) == want;
}

bool doctor_may_read(const struct doctor_user *u, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!realpath(path, folder))
		return errno == EACCES; /* what we cannot see, we cannot judge */
	if (stat(folder, &st) < 0 || !doctor_may(u, &st, DOCTOR_READ))
		return false;
	for (char *slash; (slash = strrchr(folder, '/')) && slash != folder;) {
		*slash = '\0';
		if (stat(folder, &st) < 0 || !doctor_may(u, &st, DOCTOR_ENTER))
			return false;
	}
	return true;
}

static void take_name(struct doctor_user *u)
{
	const struct passwd *pw = getpwuid(u->uid);

	if (pw)
		snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
	else
		snprintf(u->name, sizeof(u->name), "%u", (unsigned)u->uid);
}

/* Of the process that listens, as the kernel has it. */
static void take_peer(struct doctor *d, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct doctor_user *u = &d->user;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	d->pid = cred.pid;
	u->uid = cred.uid;
	u->groups[0] = cred.gid;
	len = sizeof(u->groups) - sizeof(gid_t);
	u->group_count = 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, u->groups + 1, &len) == 0)
		u->group_count += len / sizeof(gid_t);
	take_name(u);
}

/* Of the service's user, or else of whoever asks. */
static void take_user(struct doctor_user *u)
{
	const struct passwd *pw = getpwnam(SERVICE_USER);
	int n = FG_COUNT(u->groups);

	if (!pw)
		pw = getpwuid(geteuid());
	u->uid = pw ? pw->pw_uid : geteuid();
	u->groups[0] = pw ? pw->pw_gid : getegid();
	u->group_count = 1;
	if (pw && getgrouplist(pw->pw_name, pw->pw_gid, u->groups, &n) > 0)
		u->group_count = (size_t)n;
	take_name(u);
}

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
	fd = d->socket ? ctl_connect(d->socket) : -1;
	if (fd < 0) {
		d->connect_error = errno;
		take_user(&d->user);
		return;
	}
	d->runs = true;
	take_user(&d->user);
	take_peer(d, fd);
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
			"it does not run: nobody answers at %s", d->socket);
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
