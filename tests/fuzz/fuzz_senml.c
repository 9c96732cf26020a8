/* SPDX-License-Identifier: EUPL-1.2 */
/* SenML packs. The first byte says what the rest is: bit 0 CBOR, bit 1 with object names, bit 2
 * little room for texts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "protocol/senml.h"

static void check_record(const struct fg_senml_record *r, const char *text, size_t text_cap)
{
	if (!*r->name || strlen(r->name) >= FG_SENML_NAME || strlen(r->unit) >= FG_SENML_UNIT)
		abort();
	if (r->own < r->name || r->own > r->name + strlen(r->name))
		abort();
	if (r->value.kind == FG_KIND_NONE && r->sum.kind == FG_KIND_NONE)
		abort();
	if (r->value.kind != FG_KIND_TEXT)
		return;
	if (r->value.text != text || r->value.len >= text_cap)
		abort();
	for (size_t i = 0, n; !r->is_data && i < r->value.len; i += n) {
		n = fg_utf8_char((const unsigned char *)text + i, r->value.len - i);
		if (n == 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fg_senml_record record;
	struct fg_senml s;
	char text[300];
	size_t text_cap;
	int r;

	if (size == 0)
		return 0;
	text_cap = *data & 4 ? 7 : sizeof(text);
	r = fg_senml_open(&s, *data & 1 ? FG_SENML_CBOR : FG_SENML_JSON,
		*data & 2 ? FG_SENML_OBJECT_NAMES : 0, data + 1, size - 1, 1.5e9, text, text_cap);
	if (r < 0) {
		if (!*s.why || !memchr(s.why, '\0', sizeof(s.why)))
			abort();
		return 0;
	}
	/* a pack that was taken is taken whole */
	while ((r = fg_senml_next(&s, &record)) == FG_OK)
		check_record(&record, text, text_cap);
	if (r != FG_ENOENT)
		abort();
	return 0;
}
