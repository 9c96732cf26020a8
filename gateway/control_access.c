/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may do what at the control socket. */
#include "gateway/control_access.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/status.h"

#define DEFAULT_GROUP "fjordgate" /* there is none where nobody installed a package */

void fg_peer_take(int fd, struct fg_peer *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*ret = (struct fg_peer){.known = false};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	ret->known = true;
	ret->uid = cred.uid;
	ret->groups[0] = cred.gid;
	ret->group_count = 1;
	/* one of very many groups is known by its own alone */
	len = sizeof(ret->groups) - sizeof(gid_t);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret->groups + 1, &len) == 0)
		ret->group_count += len / sizeof(gid_t);
}

static bool is_in(const struct fg_peer *peer, long group)
{
	for (size_t i = 0; group >= 0 && i < peer->group_count; i++)
		if ((long)peer->groups[i] == group)
			return true;
	return false;
}

enum fg_access fg_access_of(const struct fg_peer *peer, uid_t own, long group, long read_group)
{
	if (!peer->known)
		return FG_ACCESS_NONE;
	if (peer->uid == 0 || peer->uid == own || is_in(peer, group))
		return FG_ACCESS_CHANGE;
	return is_in(peer, read_group) ? FG_ACCESS_READ : FG_ACCESS_NONE;
}

/* Requests that are for readers; `with`: only with that as their next word, or with none. What is
 * not here is a change, so a new request is safe before it is thought of. */
bool fg_access_is_change(char *const words[])
{
	static const struct {
		const char *word, *with;
		unsigned at; /* which word that is */
	} readers[] = {{"status", NULL, 0}, {"watch", NULL, 0}, {"read", NULL, 0},
		{"links", NULL, 0}, {"history", NULL, 0}, {"qc", NULL, 0}, {"notice", "list", 1},
		{"calibration", "", 3}, {"debug", "", 1}};

	for (size_t i = 0; i < FG_COUNT(readers); i++) {
		const char *with = readers[i].with;
		size_t n = 0;

		if (strcmp(words[0], readers[i].word) != 0)
			continue;
		if (!with)
			return false;
		while (words[n] && n < readers[i].at)
			n++;
		return *with ? !words[n] || strcmp(words[n], with) != 0 : words[n] != NULL;
	}
	return true;
}

long fg_access_find_group(const char *name)
{
	FILE *f = name ? fopen("/etc/group", "re") : NULL;
	const struct group *g;
	long found = -1;

	while (f && found < 0 && (g = fgetgrent(f)))
		if (strcmp(g->gr_name, name) == 0)
			found = (long)g->gr_gid;
	if (f)
		fclose(f);
	return found;
}

void fg_access_set(const struct fg_control_conf *conf, const char *path)
{
	long group = fg_access_find_group(conf->group);

	/* without it the socket must not stay with the group that had it before a reload */
	if (group < 0 && conf->group && strcmp(conf->group, DEFAULT_GROUP) != 0)
		fg_warning("control.group: there is no group '%s'", conf->group);
	if (chown(path, (uid_t)-1, group < 0 ? getegid() : (gid_t)group) < 0)
		fg_warning("control socket '%s': cannot give it to group '%s': %s", path,
			conf->group, fg_strerror(-errno));
	if (conf->read_group && fg_access_find_group(conf->read_group) < 0)
		fg_warning("control.read_group: there is no group '%s'", conf->read_group);
	if (chmod(path, conf->read_group ? 0666 : 0660) < 0)
		fg_warning(
			"control socket '%s': cannot set its mode: %s", path, fg_strerror(-errno));
}
