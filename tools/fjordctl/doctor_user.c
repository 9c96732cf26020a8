/* SPDX-License-Identifier: EUPL-1.2 */
/* Whom the gateway runs as, or will: of the process that listens, else of its unit, else of the
 * service's user. And what that user may do with a file, as the kernel would judge. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "doctor.h"

#define SERVICE_USER "fjordgate"
#define ACL_NAME     "system.posix_acl_access"

/* ---- access ---- */

static bool is_in(const struct doctor_user *u, gid_t group)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == group)
			return true;
	return false;
}

/* Entries as the kernel gives them (posix_acl_xattr.h): a version, then tag, permission, id. */
enum { ACL_VERSION = 2, ACL_HEAD = 4, ACL_ENTRY = 8, ACL_MOST = 1024 };
enum { USER_OBJ = 0x01, USER = 0x02, GROUP_OBJ = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };

static unsigned u16_at(const unsigned char *p)
{
	return (unsigned)(p[0] | p[1] << 8);
}

static unsigned u32_at(const unsigned char *p)
{
	return u16_at(p) | u16_at(p + 2) << 16;
}

bool doctor_acl_lets(const struct doctor_user *u, const struct stat *st, const void *acl,
	size_t len, unsigned want)
{
	const unsigned char *begin = acl, *end = begin + len;
	unsigned mask = 7, other = 0;
	int named = -1, by_group = -1; /* permission; -1: nobody speaks of this user */

	for (const unsigned char *p = begin + ACL_HEAD; p + ACL_ENTRY <= end; p += ACL_ENTRY) {
		unsigned tag = u16_at(p), may = u16_at(p + 2), id = u32_at(p + 4);

		if (tag == USER_OBJ && u->uid == st->st_uid)
			return (may & want) == want;
		if (tag == USER && id == u->uid)
			named = (int)may;
		/* one of its groups that grants all is enough */
		if (((tag == GROUP_OBJ && is_in(u, st->st_gid)) ||
			    (tag == GROUP && is_in(u, id))) &&
			(by_group < 0 || ((unsigned)by_group & want) != want))
			by_group = (int)may;
		if (tag == MASK)
			mask = may;
		if (tag == OTHER)
			other = may;
	}
	if (named >= 0)
		return ((unsigned)named & mask & want) == want;
	if (by_group >= 0)
		return ((unsigned)by_group & mask & want) == want;
	return (other & want) == want;
}

static bool mode_lets(const struct doctor_user *u, const struct stat *st, unsigned want)
{
	unsigned shift = st->st_uid == u->uid ? 6 : is_in(u, st->st_gid) ? 3 : 0;

	return (st->st_mode >> shift & want) == want;
}

bool doctor_may(
	const struct doctor_user *u, const char *path, const struct stat *st, unsigned want)
{
	unsigned char acl[ACL_HEAD + ACL_ENTRY * ACL_MOST];
	ssize_t len;

	if (u->uid == 0)
		return true;
	len = getxattr(path, ACL_NAME, acl, sizeof(acl));
	if (len > ACL_HEAD && u32_at(acl) == ACL_VERSION)
		return doctor_acl_lets(u, st, acl, (size_t)len, want);
	return mode_lets(u, st, want);
}

bool doctor_may_read(const struct doctor_user *u, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	if (!realpath(path, folder))
		return errno == EACCES; /* what we cannot see, we cannot judge */
	if (stat(folder, &st) < 0 || !doctor_may(u, folder, &st, DOCTOR_READ))
		return false;
	for (char *slash; (slash = strrchr(folder, '/')) && slash != folder;) {
		*slash = '\0';
		if (stat(folder, &st) < 0 || !doctor_may(u, folder, &st, DOCTOR_ENTER))
			return false;
	}
	return true;
}

/* ---- who it is ---- */

static void take_name(struct doctor_user *u)
{
	const struct passwd *pw = getpwuid(u->uid);

	if (pw)
		snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
	else
		snprintf(u->name, sizeof(u->name), "%u", (unsigned)u->uid);
}

void doctor_take_peer(struct doctor *d, int fd)
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

static void take_account(struct doctor_user *u, const struct passwd *pw)
{
	int n = FG_COUNT(u->groups);

	u->uid = pw->pw_uid;
	u->groups[0] = pw->pw_gid;
	u->group_count = 1;
	if (getgrouplist(pw->pw_name, pw->pw_gid, u->groups, &n) > 0)
		u->group_count = (size_t)n;
}

static bool find_group(const char *name, gid_t *ret)
{
	const struct group *g = getgrnam(name);

	if (g)
		*ret = g->gr_gid;
	return g;
}

/* As the service manager would set it (systemd.exec(5)). */
static void take_unit(struct doctor_user *u, const struct doctor_unit *unit)
{
	const struct passwd *pw = getpwnam(*unit->user ? unit->user : "root");
	char more[sizeof(unit->more_groups)], *rest = more, *word;
	gid_t group;

	if (!pw) /* not there yet; the unit would not start */
		return;
	take_account(u, pw);
	if (*unit->group && find_group(unit->group, &group))
		u->groups[0] = group;
	memcpy(more, unit->more_groups, sizeof(more));
	while ((word = strsep(&rest, " ")))
		if (*word && u->group_count < FG_COUNT(u->groups) && find_group(word, &group))
			u->groups[u->group_count++] = group;
}

void doctor_take_user(struct doctor *d)
{
	const struct passwd *pw = getpwnam(SERVICE_USER);
	struct doctor_user *u = &d->user;

	u->uid = geteuid();
	u->groups[0] = getegid();
	u->group_count = 1;
	if (!pw)
		pw = getpwuid(geteuid());
	if (pw)
		take_account(u, pw);
	if (d->unit.loaded)
		take_unit(u, &d->unit);
	take_name(u);
}
