/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_TOOLS_DOCTOR_H
#define FG_TOOLS_DOCTOR_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/thread.h"
#include "ctl.h"
#include "gateway/config/config.h"

/* `fjordctl doctor`: checks that run beside one another, each with a time of its own, and tell
 * lines. A check that has not ended in its time is left behind: what it touches stays until the
 * program ends. */

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_line {
	enum doctor_level level;
	char found[360];
	char todo[300]; /* empty where there is nothing to do */
};

#define DOCTOR_LINES 8

struct doctor;
struct doctor_check {
	const struct doctor *doctor;
	const char *what; /* of one word */
	char subject[160];
	void (*run)(struct doctor_check *c);
	const void *about; /* the object of the configuration that it is for; may be NULL */
	const void *more;
	int64_t until_mono_us; /* when it has to be over */
	struct doctor_line lines[DOCTOR_LINES];
	size_t count;

	/* doctor.c */
	pthread_t thread;
	bool started, ended;
	_Atomic bool done; /* what it told may be read */
};

/* Tells a line. todo: what the reader can do about it, "" where nothing. */
void doctor_tell(struct doctor_check *c, enum doctor_level level, const char *todo, const char *fmt,
	...) FG_PRINTF(4, 5);

/* Whom the gateway runs as, or will. */
struct doctor_user {
	uid_t uid;
	gid_t groups[64];
	size_t group_count;
	char name[64];
};
#define DOCTOR_READ  4u
#define DOCTOR_WRITE 2u
#define DOCTOR_ENTER 1u /* into a folder */
/* By owner, group and mode, or by the access-control list where the file has one. st: of path. */
bool doctor_may(
	const struct doctor_user *u, const char *path, const struct stat *st, unsigned want);
/* The same of a list as the kernel gives it. */
bool doctor_acl_lets(const struct doctor_user *u, const struct stat *st, const void *acl,
	size_t len, unsigned want);
/* Whether the user can read a file, the folders above it included. */
bool doctor_may_read(const struct doctor_user *u, const char *path);

/* The gateway's unit, as the service manager has it. */
#define DOCTOR_DEVICES 32
struct doctor_unit {
	bool loaded; /* false: there is none, or it is not what runs */
	bool closed; /* only the devices below may be opened */
	char user[64], group[64], more_groups[256];
	char devices[DOCTOR_DEVICES][80]; /* "char-ttyS", "/dev/ttySC0" */
	size_t device_count;
};

struct doctor {
	const struct ctl *ctl;
	struct fg_config *config;
	const char *config_path;

	char *socket;
	bool runs;	   /* somebody listens at the control socket */
	int connect_error; /* errno of why not */
	pid_t pid;	   /* 0: not known */
	cJSON *status;	   /* NULL: not to be had */
	struct doctor_user user;
	struct doctor_unit unit;

	struct doctor_check *checks;
	size_t count, cap;
};

/* One more check; they are told in the order in which they are added. */
struct doctor_check *doctor_add(struct doctor *d, const char *what, const char *subject,
	void (*run)(struct doctor_check *c));

/* doctor_unit.c: asks the service manager; what it said, line by line; whether a process is of the
 * unit; whether the unit may open a character device */
void doctor_unit_ask(struct doctor_unit *unit);
void doctor_unit_take(struct doctor_unit *unit, char *text);
bool doctor_unit_is(pid_t pid);
bool doctor_unit_lets(const struct doctor_unit *unit, const struct stat *st);
/* doctor_user.c: whom it would run as; whom the process runs as that listens */
void doctor_take_user(struct doctor *d);
void doctor_take_peer(struct doctor *d, int fd);
/* doctor_gateway.c: finds the gateway and its user; then checks of it and of its files */
void doctor_meet(struct doctor *d);
void doctor_add_gateway(struct doctor *d);
/* doctor_board.c: clock, disk and store. The folders of the kernel (/sys) are for tests. */
void doctor_add_board(struct doctor *d);
void doctor_check_disk(struct doctor_check *c, const char *sys, unsigned major, unsigned minor);
/* doctor_links.c: serial ports and TCP devices */
void doctor_add_links(struct doctor *d);
/* doctor_brokers.c: names, connections, TLS and logins of destinations */
void doctor_add_brokers(struct doctor *d);

/* doctor_net.c. A connection, at the latest at until_mono_us; negative with the cause in `why`. */
int doctor_connect(const char *host, int port, int64_t until_mono_us, char *why, size_t size);
/* Waits until a descriptor can be read (or written); false where the time is over. */
bool doctor_wait(int fd, bool write, int64_t until_mono_us);

#endif
