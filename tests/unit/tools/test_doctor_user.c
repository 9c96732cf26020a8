/* SPDX-License-Identifier: EUPL-1.2 */
/* For whom `fjordctl doctor` judges, and how: access-control lists, the service's unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor.h"

/* ---- access-control lists ---- */

struct entry {
	unsigned tag, may, id;
};
enum { U = 0x01, NU = 0x02, G = 0x04, NG = 0x08, M = 0x10, O = 0x20 };
#define NOBODYS 0xFFFFFFFFu

static unsigned char acl[200];

static size_t make(const struct entry *entries, size_t count)
{
	memset(acl, 0, sizeof(acl));
	acl[0] = 2;
	for (size_t i = 0; i < count; i++) {
		unsigned char *p = acl + 4 + 8 * i;

		p[0] = (unsigned char)entries[i].tag;
		p[2] = (unsigned char)entries[i].may;
		for (unsigned k = 0; k < 4; k++)
			p[4 + k] = (unsigned char)(entries[i].id >> (8 * k));
	}
	return 4 + 8 * count;
}

static bool lets(uid_t uid, gid_t gid, gid_t second, size_t len)
{
	const struct doctor_user u = {.uid = uid, .groups = {gid, second}, .group_count = 2};
	const struct stat st = {.st_uid = 100, .st_gid = 200};

	return doctor_acl_lets(&u, &st, acl, len, DOCTOR_READ | DOCTOR_WRITE);
}

static void lists_are_read_as_the_kernel_does(void **state)
{
	const struct entry port[] = {{U, 6, NOBODYS}, {NU, 6, 1000}, {NU, 7, 1001}, {G, 4, NOBODYS},
		{NG, 6, 300}, {M, 6, NOBODYS}, {O, 0, NOBODYS}};
	size_t len = make(port, 7);

	(void)state;
	assert_true(lets(100, 1, 1, len));   /* the owner */
	assert_true(lets(1000, 1, 1, len));  /* somebody who is named */
	assert_true(lets(1001, 1, 1, len));
	assert_false(lets(1002, 1, 1, len)); /* all others */
	assert_false(lets(1002, 200, 1, len)); /* its group may read alone */
	assert_true(lets(1002, 300, 1, len)); /* a group that is named */
	assert_true(lets(1002, 200, 300, len)); /* the one that may is enough */

	const struct entry masked[] = {{U, 6, NOBODYS}, {NU, 6, 1000}, {G, 6, NOBODYS},
		{M, 4, NOBODYS}, {O, 6, NOBODYS}};

	len = make(masked, 5);
	assert_false(lets(1000, 1, 1, len)); /* the mask takes it away again */
	assert_false(lets(1002, 200, 1, len));
	assert_true(lets(1002, 1, 1, len));
	assert_true(lets(100, 1, 1, len)); /* but not from its owner */
	assert_false(lets(1000, 1, 1, 4 + 7)); /* half an entry */
}

/* A file that its mode keeps from somebody, and its list does not. */
static void a_file_with_a_list(void **state)
{
	const struct entry entries[] = {{U, 6, NOBODYS}, {NU, 4, 12345}, {G, 0, NOBODYS},
		{M, 4, NOBODYS}, {O, 0, NOBODYS}};
	const struct doctor_user named = {.uid = 12345, .groups = {12345}, .group_count = 1};
	const struct doctor_user other = {.uid = 12346, .groups = {12346}, .group_count = 1};
	char path[] = "/tmp/fjordgate-acl-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_false(doctor_may_read(&named, path));
	if (setxattr(path, "system.posix_acl_access", acl, make(entries, 5), 0) < 0) {
		unlink(path);
		skip(); /* the file system has none */
	}
	assert_true(doctor_may_read(&named, path));
	assert_false(doctor_may_read(&other, path));
	unlink(path);
}

/* ---- the unit ---- */

static void the_unit_is_asked(void **state)
{
	struct doctor d = {.unit = {.loaded = false}};
	const struct passwd *nobody = getpwnam("nobody");
	char folder[] = "/tmp/fjordgate-unit-XXXXXX", path[80], mem[200];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/systemctl", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("#!/bin/sh\n[ \"$1 $2\" = 'show fjordgate.service' ] || exit 1\n"
	      "echo User=nobody; echo Group=root; echo 'SupplementaryGroups=tty dialout'\n"
	      "echo LoadState=loaded; echo DevicePolicy=closed\n"
	      "echo 'DeviceAllow=char-ttyS rw'; echo 'DeviceAllow=/dev/null rw'\n", f);
	fclose(f);
	chmod(path, 0755);
	snprintf(mem, sizeof(mem), "%s:/usr/bin:/bin", folder);
	setenv("PATH", mem, 1);
	doctor_unit_ask(&d.unit);
	assert_true(d.unit.loaded);
	assert_true(d.unit.closed);
	assert_string_equal(d.unit.more_groups, "tty dialout");
	assert_int_equal(d.unit.device_count, 2);
	assert_string_equal(d.unit.devices[0], "char-ttyS");
	doctor_take_user(&d);
	assert_string_equal(d.user.name, "nobody");
	assert_int_equal(d.user.uid, nobody->pw_uid);
	assert_int_equal(d.user.groups[0], 0);
	assert_true(d.user.group_count >= 3);
	unlink(path);
	rmdir(folder);
}

static void devices_of_the_unit(void **state)
{
	struct doctor_unit unit = {.loaded = true, .closed = true};
	char text[] = "DeviceAllow=char-mem rw\nDeviceAllow=/dev/tty rw\nrubbish";
	struct stat null = {.st_mode = S_IFCHR}, tty = null, serial = null, pty = null;

	(void)state;
	null.st_rdev = makedev(1, 3);
	serial.st_rdev = makedev(205, 50);
	pty.st_rdev = makedev(136, 0);
	assert_int_equal(stat("/dev/tty", &tty), 0);
	assert_false(doctor_unit_lets(&unit, &null));
	assert_true(doctor_unit_lets(&unit, &pty)); /* any service has these */
	doctor_unit_take(&unit, text);
	assert_true(doctor_unit_lets(&unit, &null));
	assert_true(doctor_unit_lets(&unit, &tty));
	assert_false(doctor_unit_lets(&unit, &serial));
	unit.closed = false;
	assert_true(doctor_unit_lets(&unit, &serial));
	unit.closed = true;
	unit.loaded = false;
	assert_true(doctor_unit_lets(&unit, &serial));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_as_the_kernel_does),
		cmocka_unit_test(a_file_with_a_list),
		cmocka_unit_test(the_unit_is_asked),
		cmocka_unit_test(devices_of_the_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
