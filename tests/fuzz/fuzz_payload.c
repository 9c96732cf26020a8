/* SPDX-License-Identifier: EUPL-1.2 */
/* Payloads of CoAP sensors: text, and JSON with a pointer. The bytes up to the first NUL are the
 * pointer, the rest is the payload. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "protocol/encode.h"
#include "protocol/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *payload = memchr(data, '\0', size);
	char pointer[256], text[251];
	struct fg_value value;
	struct fg_buf out;
	size_t len;

	if (!payload || (size_t)(payload - (const char *)data) >= sizeof(pointer))
		return 0;
	memcpy(pointer, data, (size_t)(payload - (const char *)data) + 1);
	payload++;
	len = size - (size_t)(payload - (const char *)data);
	fg_buf_init(&out, 1u << 16);
	if (fg_payload_text(payload, len, &value) == 0)
		fg_encode_value(&out, &value, -1);
	if (fg_json_pointer_valid(pointer) &&
		fg_payload_json(payload, len, pointer, text, sizeof(text), &value) == 0) {
		fg_encode_value(&out, &value, 2);
	}
	for (size_t i = 0, n; i < out.len; i += n) {
		n = fg_utf8_char((const unsigned char *)out.data + i, out.len - i);
		if (n == 0)
			abort(); /* what is published is always UTF-8 */
	}
	fg_buf_fini(&out);
	return 0;
}
