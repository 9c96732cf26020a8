/* SPDX-License-Identifier: EUPL-1.2 */
/* CBOR with a path. The bytes up to the first NUL are the pointer, the rest is the payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "protocol/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *payload = memchr(data, '\0', size);
	char pointer[256], text[60];
	struct fg_value v;
	size_t len;

	if (!payload || (size_t)(payload - (const char *)data) >= sizeof(pointer))
		return 0;
	memcpy(pointer, data, (size_t)(payload - (const char *)data) + 1);
	payload++;
	len = size - (size_t)(payload - (const char *)data);
	if (!fg_json_pointer_valid(pointer) ||
		fg_payload_cbor(payload, len, pointer, text, sizeof(text), &v) < 0 ||
		v.kind != FG_KIND_TEXT)
		return 0;
	if (v.text != text || v.len >= sizeof(text))
		abort();
	for (size_t i = 0, n; i < v.len; i += n) {
		n = fg_utf8_char((const unsigned char *)text + i, v.len - i);
		if (n == 0)
			abort();
	}
	return 0;
}
