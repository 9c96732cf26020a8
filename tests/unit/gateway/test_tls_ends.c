/* SPDX-License-Identifier: EUPL-1.2 */
/* When certificates end, whatever the C library and OpenSSL think a time_t is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "gateway/tls/tls.h"

/* What fg_tls_certificates() says of our own certificate where it ends at this time. */
static int64_t end_of(const char *when)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	struct fg_certificates ends;
	SSL *ssl;

	assert_true(ctx && key && cert);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(cert), when), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(cert), "19700101000000Z"), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
	ssl = SSL_new(ctx);
	assert_non_null(ssl);
	ends = fg_tls_certificates(ssl);
	assert_int_equal(ends.ends_ms[FG_CERTIFICATE_BROKER], 0);
	assert_int_equal(ends.ends_ms[FG_CERTIFICATE_AUTHORITY], 0);
	SSL_free(ssl);
	X509_free(cert);
	EVP_PKEY_free(key);
	SSL_CTX_free(ctx);
	return ends.ends_ms[FG_CERTIFICATE_CLIENT];
}

static void test_ends(void **state)
{
	(void)state;
	assert_int_equal(end_of("20270102030405Z"), INT64_C(1798859045000));
	assert_int_equal(end_of("19700101000001Z"), 1000);
}

/* More seconds than 31 bits count. */
static void test_ends_late(void **state)
{
	(void)state;
	assert_int_equal(end_of("20380119031408Z"), INT64_C(2147483648000));
	assert_int_equal(end_of("99991231235959Z"), INT64_C(253402300799000));
}

static void test_no_connection(void **state)
{
	const struct fg_certificates none = fg_tls_certificates(NULL);

	(void)state;
	assert_int_equal(none.ends_ms[FG_CERTIFICATE_CLIENT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_ends_late),
		cmocka_unit_test(test_no_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
