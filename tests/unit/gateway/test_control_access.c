/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may do what at the control socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/control_access.h"

#define OWN	100
#define OPERATE 20
#define LOOK	30

static enum fg_access of(uid_t uid, gid_t own, gid_t also)
{
	const struct fg_peer peer = {
		.known = true, .uid = uid, .groups = {own, also}, .group_count = 2};

	return fg_access_of(&peer, OWN, OPERATE, LOOK);
}

static void groups(void **state)
{
	const struct fg_peer nobody = {.known = false, .uid = 0};
	const struct fg_peer other = {.known = true, .uid = 5, .groups = {9}, .group_count = 1};

	(void)state;
	assert_int_equal(of(0, 0, 0), FG_ACCESS_CHANGE);
	assert_int_equal(of(OWN, 1, 2), FG_ACCESS_CHANGE);
	assert_int_equal(of(5, OPERATE, 2), FG_ACCESS_CHANGE);
	assert_int_equal(of(5, LOOK, OPERATE), FG_ACCESS_CHANGE);
	assert_int_equal(of(5, LOOK, 2), FG_ACCESS_READ);
	assert_int_equal(of(5, 2, LOOK), FG_ACCESS_READ);
	assert_int_equal(of(5, 2, 3), FG_ACCESS_NONE);
	assert_int_equal(fg_access_of(&nobody, OWN, OPERATE, LOOK), FG_ACCESS_NONE);
	/* groups that do not exist are nobody's */
	assert_int_equal(fg_access_of(&other, OWN, -1, -1), FG_ACCESS_NONE);
}

static bool is_change(const char *a, const char *b, const char *c, const char *d)
{
	char *words[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c,
		(char *)(uintptr_t)d, NULL};

	return fg_access_is_change(words);
}

static void requests(void **state)
{
	(void)state;
	assert_false(is_change("status", NULL, NULL, NULL));
	assert_false(is_change("watch", "probe", NULL, NULL));
	assert_false(is_change("history", "quay/c00", "0", "1"));
	assert_false(is_change("notice", "list", NULL, NULL));
	assert_true(is_change("notice", "clear", "all", NULL));
	assert_true(is_change("notice", NULL, NULL, NULL));
	assert_false(is_change("calibration", "probe", "c00", NULL));
	assert_true(is_change("calibration", "probe", "c00", "add"));
	assert_false(is_change("debug", NULL, NULL, NULL));
	assert_true(is_change("debug", "all", "600", NULL));
	assert_true(is_change("maintenance", "probe", "on", NULL));
	assert_true(is_change("backfill", "town", "0", "1"));
	assert_true(is_change("raw", "plc", "1", "03"));
	assert_true(is_change("nonsense", NULL, NULL, NULL));
}

static void the_peer_is_as_the_kernel_says(void **state)
{
	struct fg_peer peer;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fg_peer_take(pair[0], &peer);
	assert_true(peer.known);
	assert_int_equal(peer.uid, geteuid());
	assert_true(peer.group_count >= 1);
	assert_int_equal(peer.groups[0], getegid());
	close(pair[0]);
	close(pair[1]);
	fg_peer_take(-1, &peer);
	assert_false(peer.known);
	assert_int_equal(fg_access_find_group("root"), 0);
	assert_int_equal(fg_access_find_group("no-such-group"), -1);
	assert_int_equal(fg_access_find_group(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),
		cmocka_unit_test(requests),
		cmocka_unit_test(the_peer_is_as_the_kernel_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
