/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_CONTROL_ACCESS_H
#define FG_GATEWAY_CONTROL_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gateway/config/config.h"

/* Who may do what at the control socket. With one group (control.group) the kernel keeps others
 * away by the socket's mode, and whoever has come may do all. With control.read_group the socket is
 * open to all, and each request is judged by who its peer is, as the kernel tells. */

enum fg_access { FG_ACCESS_NONE, FG_ACCESS_READ, FG_ACCESS_CHANGE };

struct fg_peer {
	bool known;
	uid_t uid;
	gid_t groups[65]; /* its own, and those that it has besides */
	size_t group_count;
};

/* Of the process at the other end of a socket. */
void fg_peer_take(int fd, struct fg_peer *ret);

/* group, read_group: of those names; -1: there are none. own: this process's user. */
enum fg_access fg_access_of(const struct fg_peer *peer, uid_t own, long group, long read_group);

/* Whether a request changes anything or takes time of a bus at will, so that reading is not
 * enough. words: NULL at the end. */
bool fg_access_is_change(char *const words[]);

/* Of /etc/group itself: the name services would load libraries into a process that asks once.
 * -1: no such group. */
long fg_access_find_group(const char *name);

/* Gives the socket the mode and the group that its configuration asks for; tells what fails. */
void fg_access_set(const struct fg_control_conf *conf, const char *path);

#endif
