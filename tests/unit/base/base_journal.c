/* SPDX-License-Identifier: EUPL-1.2 */
/* Log lines as entries of the journal: their fields, and that they arrive. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/journal.h"

static char mem[4096];
static struct fg_buf entry;

static const char *put(enum fg_state_id event, const char *message)
{
	fg_buf_wrap(&entry, mem, sizeof(mem));
	fg_journal_put(&entry, FG_LOG_WARNING, event, message);
	assert_false(entry.overflow);
	return mem;
}

static void assert_has(const char *field)
{
	char line[300];

	snprintf(line, sizeof(line), "\n%s\n", field);
	if (!strstr(mem, line))
		fail_msg("no %s in: %s", field, mem);
}

static void assert_lacks(const char *field)
{
	if (strstr(mem, field))
		fail_msg("%s in: %s", field, mem);
}

static void fields_of_a_line(void **state)
{
	(void)state;
	put(FG_STATE_DEVICE_FAILING, "device 'sonde' (link 'rs485'): poll failed: no_response");
	assert_int_equal(strncmp(mem, "PRIORITY=4\n", 11), 0);
	assert_has("FJORDGATE_DEVICE=sonde");
	assert_has("FJORDGATE_LINK=rs485");
	assert_has("MESSAGE=device 'sonde' (link 'rs485'): poll failed: no_response");
	assert_non_null(strstr(mem, fg_journal_id(FG_STATE_DEVICE_FAILING)));

	put(FG_STATE_ALARM_BEGINS, "device 'sonde', point 'ph': alarm 'above' begins: 9 (limit 8)");
	assert_has("FJORDGATE_DEVICE=sonde");
	assert_has("FJORDGATE_POINT=ph");

	put(FG_STATE_NONE, "destination 'town': cannot connect: device 'x' said \"point 'y'\"");
	assert_has("FJORDGATE_DESTINATION=town");
	assert_lacks("FJORDGATE_DEVICE"); /* what comes behind the colon is no name of ours */
	assert_lacks("FJORDGATE_POINT");
	assert_lacks("MESSAGE_ID");

	put(FG_STATE_NONE, "store: writes work again");
	assert_lacks("FJORDGATE_");
	put(FG_STATE_NONE, "device 'half");
	assert_lacks("FJORDGATE_");
	put(FG_STATE_NONE, "device ''");
	assert_lacks("FJORDGATE_");
}

static void ids_are_of_one_event_each(void **state)
{
	(void)state;
	for (int i = FG_STATE_NONE + 1; i < FG_STATE_COUNT; i++) {
		const char *id = fg_journal_id((enum fg_state_id)i);

		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
		for (int k = FG_STATE_NONE + 1; k < i; k++)
			assert_string_not_equal(id, fg_journal_id((enum fg_state_id)k));
	}
}

static void entries_arrive(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char heard[4096], folder[] = "/tmp/fjordgate-test-XXXXXX";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	put(FG_STATE_STARTED, "gateway 'g': started");
	assert_false(fg_journal_send(address.sun_path, &entry)); /* nobody is there */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(fg_journal_send(address.sun_path, &entry));
	assert_int_equal(recv(fd, heard, sizeof(heard), MSG_DONTWAIT), entry.len);
	assert_memory_equal(heard, mem, entry.len);
	/* a journal that takes nothing more holds up nobody */
	for (unsigned i = 0; fg_journal_send(address.sun_path, &entry); i++)
		assert_true(i < 100000);
	entry.overflow = true;
	assert_false(fg_journal_send(address.sun_path, &entry));
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_a_line),
		cmocka_unit_test(ids_are_of_one_event_each),
		cmocka_unit_test(entries_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
