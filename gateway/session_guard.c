/* SPDX-License-Identifier: EUPL-1.2 */
/* libmosquitto 2.0 tells of a property that it does not know by log__printf(NULL, …), which asserts
 * that there is a client: any broker could end the process so. An assertion of that function, while
 * it reads, ends the connection instead. What it had allocated for the packet is lost, some hundred
 * bytes for a connection. Any other assertion is what it always was. */
#include <assert.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session_private.h"

static _Thread_local jmp_buf *escape;

/* glibc's name for what assert() calls; the program's own is taken before it. <assert.h> declares
 * it where NDEBUG is not set. */
void __assert_fail(
	const char *assertion, const char *file, unsigned line, const char *function);

void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
	if (escape && strcmp(function, "log__printf") == 0)
		longjmp(*escape, 1);
	fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, assertion);
	abort();
}

int fg_session_read(struct fg_session *s)
{
	jmp_buf here;
	int r;

	if (setjmp(here)) {
		escape = NULL;
		snprintf(s->why, sizeof(s->why), "%s",
			"the broker sends a property that MQTT does not have");
		return MOSQ_ERR_MALFORMED_PACKET;
	}
	escape = &here;
	r = mosquitto_loop_read(s->mosq, 100);
	escape = NULL;
	return r;
}

#if defined(__SANITIZE_THREAD__)
/* do_client_disconnect() of libmosquitto 2.0.11 unlocks current_out_packet_mutex, which it has not
 * locked: without effect in glibc, and nothing of ours. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "mutex:libmosquitto.so\n";
}
#endif
