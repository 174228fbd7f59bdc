/* Octets that others know are refused as secrets: keys, certificates and tokens in every form. Random octets have none of these forms. */
#include "test.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/base64url.h"
#include "core/secret_form.h"
#include "test_sign.h"

typedef struct Bytes
{
	unsigned char *bytes;
	size_t		size;
} Bytes;

static Bytes
copy(const void *bytes, size_t size)
{
	Bytes		result = {malloc(size + 1), size};

	memcpy(result.bytes, bytes, size);
	result.bytes[size] = '\0';
	return result;
}

/* A copy with text before and behind it. */
static Bytes
wrap(const char *before, Bytes bytes, const char *after)
{
	const size_t room = strlen(before) + bytes.size + strlen(after) + 1;
	Bytes		result = {malloc(room), 0};

	result.size = (size_t) snprintf((char *) result.bytes, room, "%s", before);
	memcpy(result.bytes + result.size, bytes.bytes, bytes.size);
	result.size += bytes.size;
	result.size += (size_t) snprintf((char *) result.bytes + result.size, room - result.size, "%s", after);
	return result;
}

static void
check_found(Bytes bytes, const char *word, SecretRemedy remedy, bool is_encoded, const char *name)
{
	SecretForm	form = {"nothing", SECRET_REMEDY_SECRET, false};
	const bool	found = secret_form_find(bytes.bytes, bytes.size, &form);

	if (!CHECK(found && strstr(form.name, word) != NULL && form.remedy == remedy &&
			   form.is_encoded == is_encoded, "%s is %s", name, word))
		printf("# %s: %s, remedy %d%s\n", found ? "found" : "not found", form.name, form.remedy,
			   form.is_encoded ? ", encoded" : "");
	CHECK(ERR_peek_error() == 0, "OpenSSL's error queue is empty");
}

static void
check_text(const char *text, const char *word, SecretRemedy remedy, bool is_encoded, const char *name)
{
	Bytes		bytes = copy(text, strlen(text));

	check_found(bytes, word, remedy, is_encoded, name);
	free(bytes.bytes);
}

static void
check_secret(const void *bytes, size_t size, const char *name)
{
	SecretForm	form = {"nothing", SECRET_REMEDY_SECRET, false};

	if (!CHECK(!secret_form_find(bytes, size, &form), "%s may be a secret", name))
		printf("# found: %s\n", form.name);
}

/*
 * Encodings
 */

static Bytes
base64_of(Bytes bytes)
{
	Bytes		result = {malloc(bytes.size * 2 + 4), 0};

	result.size = (size_t) EVP_EncodeBlock(result.bytes, bytes.bytes, (int) bytes.size);
	return result;
}

static Bytes
base64url_of(Bytes bytes)
{
	Bytes		result = {malloc(BASE64URL_ENCODED_SIZE(bytes.size) + 1), 0};

	result.size = base64url_encode(bytes.bytes, bytes.size, (char *) result.bytes);
	result.bytes[result.size] = '\0';
	return result;
}

static Bytes
hex_of(Bytes bytes, const char *separator, const char *digits)
{
	Bytes		result = {malloc(bytes.size * 3 + 1), 0};

	for (size_t i = 0; i < bytes.size; i++)
		result.size += (size_t) sprintf((char *) result.bytes + result.size, "%s%c%c",
										i == 0 ? "" : separator, digits[bytes.bytes[i] >> 4], digits[bytes.bytes[i] & 15]);
	return result;
}

#define LOWER "0123456789abcdef"
#define UPPER "0123456789ABCDEF"

/* Base64 in lines, as in PEM without its armor. */
static Bytes
lines_of(Bytes bytes, const char *end_of_line)
{
	Bytes		text = base64_of(bytes);
	Bytes		result = {calloc(text.size * 2, 1), 0};

	for (size_t i = 0; i < text.size; i += 64)
		result.size += (size_t) sprintf((char *) result.bytes + result.size, "%.64s%s", (char *) text.bytes + i, end_of_line);
	free(text.bytes);
	return result;
}

/* Checks bytes of a form in each encoding. */
static void
check_encodings(Bytes bytes, const char *word, SecretRemedy remedy, const char *name)
{
	Bytes		once = base64_of(bytes);
	struct
	{
		const char *name;
		Bytes		bytes;
	}			encodings[] = {
		{"base64", base64_of(bytes)},
		{"base64 in lines", lines_of(bytes, "\n")},
		{"base64 in lines of CRLF", lines_of(bytes, "\r\n")},
		{"base64 with escaped line breaks", lines_of(bytes, "\\n")},
		{"base64 as a JSON string", wrap("\"", once, "\"\n")},
		{"base64 as x5c", wrap("[\"", once, "\"]")},
		{"base64url", base64url_of(bytes)},
		{"hexadecimal digits", hex_of(bytes, "", LOWER)},
		{"hexadecimal digits in upper case", hex_of(bytes, "", UPPER)},
		{"hexadecimal digits with colons", hex_of(bytes, ":", UPPER)},
		{"base64 twice", base64_of(once)},
		{"base64 in hexadecimal digits", hex_of(once, "", LOWER)},
	};
	char		label[128];
	Bytes		prefixed = wrap("\\x", encodings[7].bytes, "");
	Bytes		number = wrap("0x", encodings[7].bytes, "");
	Bytes		marked = wrap("\xEF\xBB\xBF", once, "");

	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
	{
		snprintf(label, sizeof(label), "%s in %s", name, encodings[i].name);
		check_found(encodings[i].bytes, word, remedy, true, label);
		free(encodings[i].bytes.bytes);
	}
	snprintf(label, sizeof(label), "%s as bytea shows it", name);
	check_found(prefixed, word, remedy, true, label);
	check_found(number, word, remedy, true, "and behind 0x");
	check_found(marked, word, remedy, true, "base64 behind a byte order mark");
	free(prefixed.bytes);
	free(number.bytes);
	free(marked.bytes);
	free(once.bytes);
}

/*
 * Keys
 */

/* Takes DER from OpenSSL, to be freed with free(). */
static Bytes
take(unsigned char *der, int size)
{
	Bytes		result = copy(der, (size_t) size);

	OPENSSL_free(der);
	return result;
}

#define ENCODE(function, object) \
	({ unsigned char *der_ = NULL; int size_ = function(object, &der_); take(der_, size_); })

static Bytes
pem_of(const char *label, Bytes der)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *text;
	Bytes		result;

	PEM_write_bio(bio, label, "", der.bytes, (long) der.size);
	result.size = (size_t) BIO_get_mem_data(bio, &text);
	result = copy(text, result.size);
	BIO_free(bio);
	return result;
}

static void
check_pem(Bytes der, const char *label, const char *word, SecretRemedy remedy)
{
	Bytes		pem = pem_of(label, der);
	Bytes		wrapped;
	static const struct
	{
		const char *name;
		const char *before;
		const char *after;
	}			surroundings[] = {
		{"as it is", "", ""},
		{"behind white space", " \r\n\t", "\n\n"},
		{"behind a byte order mark", "\xEF\xBB\xBF", ""},
		{"behind explanatory text", "Subject: CN=idp.example.com\nIssuer: CN=CA\n", ""},
		{"in JSON", "{\"idp-1\": \"", "\"}"},
		{"before another block", "", "-----BEGIN OTHER-----\nAAAA\n-----END OTHER-----\n"},
	};
	char		name[128];

	for (size_t i = 0; i < sizeof(surroundings) / sizeof(surroundings[0]); i++)
	{
		snprintf(name, sizeof(name), "%s %s", label, surroundings[i].name);
		wrapped = wrap(surroundings[i].before, pem, surroundings[i].after);
		check_found(wrapped, word, remedy, false, name);
		free(wrapped.bytes);
	}
	wrapped = base64_of(pem);
	check_found(wrapped, word, remedy, true, "base64 of PEM");
	free(wrapped.bytes);
	/* an editor left the end only, or the beginning */
	check_found((Bytes) {pem.bytes + 20, pem.size - 20}, "", remedy, false, "PEM without its first bytes");
	check_found((Bytes) {pem.bytes, pem.size - 20}, "", remedy, false, "PEM without its last bytes");
	free(pem.bytes);
}

static void
check_der(Bytes der, const char *word, SecretRemedy remedy, const char *name)
{
	Bytes		with_more = wrap("", der, "\nand more");

	check_found(der, word, remedy, false, name);
	check_found(with_more, word, remedy, false, "with other octets behind it");
	check_encodings(der, word, remedy, name);
	free(with_more.bytes);
}

static X509 *
make_certificate(EVP_PKEY *pkey)
{
	X509	   *certificate = X509_new();
	const EVP_MD *digest = EVP_PKEY_is_a(pkey, "ED25519") ? NULL : EVP_sha256();

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *) "idp", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, pkey);
	X509_sign(certificate, pkey, digest);
	return certificate;
}

static Bytes
encrypted_key(const PKCS8_PRIV_KEY_INFO *info)
{
	X509_SIG   *encrypted = PKCS8_encrypt(-1, EVP_aes_256_cbc(), "password", 8, NULL, 0, 16,
										  (PKCS8_PRIV_KEY_INFO *) info);
	Bytes		der = ENCODE(i2d_X509_SIG, encrypted);

	X509_SIG_free(encrypted);
	return der;
}

static void
check_and_free(Bytes der, const char *label, const char *word, SecretRemedy remedy, const char *name)
{
	check_der(der, word, remedy, name);
	if (label != NULL)
		check_pem(der, label, word, remedy == SECRET_REMEDY_TO_PEM ? SECRET_REMEDY_PEM : remedy);
	free(der.bytes);
}

/* A key of one type and all that is written of it. */
static void
test_key(EVP_PKEY *pkey, const char *type)
{
	X509	   *certificate = make_certificate(pkey);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);

	printf("# %s\n", type);
	check_and_free(ENCODE(i2d_PUBKEY, pkey), "PUBLIC KEY", "public key", SECRET_REMEDY_TO_PEM, "SubjectPublicKeyInfo");
	check_and_free(ENCODE(i2d_X509, certificate), "CERTIFICATE", "certificate", SECRET_REMEDY_TO_PEM, "a certificate");
	check_and_free(ENCODE(i2d_PKCS8_PRIV_KEY_INFO, info), "PRIVATE KEY", "private key", SECRET_REMEDY_PUBLIC_PART, "PKCS #8");
	check_and_free(encrypted_key(info), "ENCRYPTED PRIVATE KEY", "private key", SECRET_REMEDY_PUBLIC_PART, "encrypted PKCS #8");
	if (EVP_PKEY_is_a(pkey, "RSA"))
	{
		check_and_free(ENCODE(i2d_PublicKey, pkey), "RSA PUBLIC KEY", "public key", SECRET_REMEDY_TO_PEM, "PKCS #1");
		check_and_free(ENCODE(i2d_PrivateKey, pkey), "RSA PRIVATE KEY", "private key", SECRET_REMEDY_PUBLIC_PART, "a private PKCS #1 key");
	}
	if (EVP_PKEY_is_a(pkey, "EC"))
		check_and_free(ENCODE(i2d_PrivateKey, pkey), "EC PRIVATE KEY", "private key", SECRET_REMEDY_PUBLIC_PART, "SEC 1");
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_free(certificate);
	EVP_PKEY_free(pkey);
}

/* Keys that OpenSSL would not read are as public as others. */
static void
test_unreadable_keys(void)
{
	/* an algorithm of nobody's, and the point at infinity on P-256 */
	static const unsigned char unknown[] = "\x30\x24\x30\x05\x06\x03\x2a\x03\x04\x03\x1b\x00" "an algorithm of nobody's ..";
	static const unsigned char pkcs7[] = "\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x02\x30\x00";
	unsigned char set[27];
	static const unsigned char infinity[] = "\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x02\x00\x00";

	check_found((Bytes) {(unsigned char *) unknown, 38}, "public key", SECRET_REMEDY_TO_PEM, false, "a key of an unknown algorithm");
	check_found((Bytes) {(unsigned char *) infinity, 27}, "public key", SECRET_REMEDY_TO_PEM, false, "the point at infinity");
	check_found((Bytes) {(unsigned char *) pkcs7, 17}, "certificates", SECRET_REMEDY_TO_PEM, false, "PKCS #7");
	memcpy(set, infinity, sizeof(set));
	set[0] = 0x31;
	check_secret(set, sizeof(set), "a SET with the elements of a key");
	memcpy(set, infinity, sizeof(set));
	set[1]--;
	check_secret(set, sizeof(set), "a key whose last element is longer than the key");
}

#define SSH_ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIGJpjEhJoNm+cLuKsA9D1+vQ8nbB0dwCF8KnyGA6IbOG"
#define SSH_ECDSA "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFNtkTL29QWIaSA4ZuaDhuLB8yC5bnCp3JSkr6/LFJTr8Lk4oFlTmd1vCfaQEGvfMJsYsGTBWMr5sgFEvp5gvEs="

static void
test_ssh(void)
{
	static const char *const names[] = {
		"ssh-rsa", "ssh-dss", "ssh-ed25519", "ssh-ed448", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	};

	check_text("ssh-ed25519 " SSH_ED25519 " alice@example.com\n", "SSH", SECRET_REMEDY_TO_PEM, false, "ssh-ed25519");
	check_text("ecdsa-sha2-nistp256 " SSH_ECDSA, "SSH", SECRET_REMEDY_TO_PEM, false, "ecdsa-sha2-nistp256");
	check_text("no-pty,command=\"x\" ssh-ed25519 " SSH_ED25519, "SSH", SECRET_REMEDY_TO_PEM, false, "a line of authorized_keys");
	check_text("idp.example.com ssh-ed25519 " SSH_ED25519, "SSH", SECRET_REMEDY_TO_PEM, false, "a line of known_hosts");
	check_text("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n", "PuTTY", SECRET_REMEDY_PUBLIC_PART, false, "a key file of PuTTY");
	check_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF", "PEM block", SECRET_REMEDY_PEM, false, "a block of another label");
	check_text("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"x\"\n", "SSH", SECRET_REMEDY_TO_PEM, false, "RFC 4716");
	check_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", "private key", SECRET_REMEDY_PUBLIC_PART, false, "a private key");
	check_text("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz", "private key", SECRET_REMEDY_PUBLIC_PART, true, "its base64");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		unsigned char blob[80] = {0, 0, 0, (unsigned char) strlen(names[i])};
		Bytes		bytes = {blob, sizeof(blob)};
		Bytes		text;

		memcpy(blob + 4, names[i], strlen(names[i]));
		check_found(bytes, "SSH", SECRET_REMEDY_TO_PEM, false, names[i]);
		text = base64_of(bytes);
		/* as in a file of OpenSSH; ssh-ed448 (RFC 8709) is not written by OpenSSH */
		check_found(text, "SSH", SECRET_REMEDY_TO_PEM, i == 3, "its base64");
		free(text.bytes);
		text = hex_of(bytes, "", LOWER);
		check_found(text, "SSH", SECRET_REMEDY_TO_PEM, true, "its hexadecimal digits");
		free(text.bytes);
	}
}

#define RSA_JWK "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4\",\"e\":\"AQAB\"}"
#define OCT_JWK "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8\"}"

static void
test_json(void)
{
	static const struct
	{
		const char *text;
		const char *word;
		SecretRemedy remedy;
		bool		is_encoded;
	}			texts[] = {
		{RSA_JWK, "JWK", SECRET_REMEDY_JWK, false},
		{" \n" RSA_JWK "\r\n", "JWK", SECRET_REMEDY_JWK, false},
		{"\xEF\xBB\xBF" RSA_JWK, "JWK", SECRET_REMEDY_JWK, false},
		{"{\"keys\":[" RSA_JWK "]}", "JWK", SECRET_REMEDY_JWK, false},
		{"[" RSA_JWK "," RSA_JWK "]", "JWK", SECRET_REMEDY_JWK, false},
		{"{ \"e\" : \"AQAB\" , \"kty\" : \"EC\" }", "JWK", SECRET_REMEDY_JWK, false},
		{"{'keys': [{'kty': 'RSA', 'e': 'AQAB'}]}", "JWK", SECRET_REMEDY_JWK, false},
		{"\"{\\\"kty\\\":\\\"RSA\\\",\\\"e\\\":\\\"AQAB\\\"}\"", "JWK", SECRET_REMEDY_JWK, false},
		{"{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJX", "JWK", SECRET_REMEDY_JWK, false},
		{OCT_JWK, "oct", SECRET_REMEDY_DECODE_K, false},
		{"{\"keys\": [ {\"kty\" : \"oct\"} ] }", "oct", SECRET_REMEDY_DECODE_K, false},
		{"\"{\\\"kty\\\": \\\"oct\\\"}\"", "oct", SECRET_REMEDY_DECODE_K, false},
		{"{\"a \\\" b\": null}", "JSON", SECRET_REMEDY_JWK, false},
		{"{\"keys\": []}", "JSON", SECRET_REMEDY_JWK, false},
		{"{\"realm\":\"shop\",\"public_key\":\"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\"}", "JSON", SECRET_REMEDY_JWK, false},
		/* base64url of JWKs */
		{"eyJrdHkiOiJSU0EiLCJlIjoiQVFBQiIsIm4iOiIwdng3YWdvZWJHY1FTdXUifQ", "JWK", SECRET_REMEDY_JWK, true},
		{"eyJrdHkiOiJvY3QiLCJrIjoiQXlNMVN5c1BwYnlEZmdabGQzdW1qMSJ9", "oct", SECRET_REMEDY_DECODE_K, true},
		/* a token; Supabase's key "anon" is one, and in every web page */
		{"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoiYW5vbiJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "token", SECRET_REMEDY_SECRET, false},
		{"\"eyJhbGciOiJIUzI1NiJ9.e30.\"\n", "token", SECRET_REMEDY_SECRET, false},
		/* XML */
		{"<RSAKeyValue><Modulus>u8LVoxrC</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>", "XML", SECRET_REMEDY_TO_PEM, false},
		{"<ds:X509Certificate>MIIC</ds:X509Certificate>", "XML", SECRET_REMEDY_TO_PEM, false},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_text(texts[i].text, texts[i].word, texts[i].remedy, texts[i].is_encoded, texts[i].text);
}

static void
test_repeated(void)
{
	unsigned char bytes[64];

	for (int c = 0; c < 256; c += 51)
	{
		memset(bytes, c, sizeof(bytes));
		check_found((Bytes) {bytes, 32}, "one byte", SECRET_REMEDY_SECRET, false, "one byte 32 times");
		check_found((Bytes) {bytes, 64}, "one byte", SECRET_REMEDY_SECRET, false, "64 times");
		bytes[63] ^= 1;
		check_secret(bytes, 64, "another byte at the end");
		bytes[63] ^= 1;
		bytes[0] ^= 1;
		check_secret(bytes, 64, "another byte at the beginning");
	}
	check_text("                                        ", "one byte", SECRET_REMEDY_SECRET, false, "one space repeated");
	check_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "one byte", SECRET_REMEDY_SECRET, false, "one letter and a line feed");
	check_text("abababababababababababababababababababababababababababababababab", "one byte", SECRET_REMEDY_SECRET, true, "one byte in hexadecimal digits");
	check_text("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "one byte", SECRET_REMEDY_SECRET, true, "one byte in base64");
}

/* Texts of people, and what begins as a form does but goes on otherwise. */
static void
test_passphrases(void)
{
	static const char *const texts[] = {
		"", "x", "correct horse battery staple, and more words", "a text of at least 32 random characters",
		"your-256-bit-secret-your-256-bit-secret!", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
		"ssh-rsa is not allowed here, nor ssh-dss", "{curly braces around a passphrase of mine}",
		"{\"an unclosed quote, and a colon : later}", "[brackets, and \"quotes\", in a passphrase]", "kty: what is that? RSA, EC, OKP or oct",
		"the member \"kty\" of a JWK says which type", "{\"quotes\": and a colon, and no end of it",
		"{\"quotes\" and a colon : in braces, somewhere}", "{\"a\": \"and a control character\"}\x01}",
		"ababababababababababababababababababababababababababababababababa",
		"{\"quotes\": \"a colon and a value\", and no end of it", "{\"quotes\": words that are no value of JSON}",
		"my, ssh-agent of mine holds no such key",
		"BEGIN PUBLIC KEY without any of the dashes", "super-secret-jwt-token-with-at-least-32-characters-long",
		"0x1234567890abcdef1234567890abcdef1234567890abcdef", "12:34:56:78:90:ab:cd:ef:12:34:56:78:90:ab:cd:ef:00",
		"one.two.three.four.five.six.seven.eight.nine", "-----------------BEGIN------------END-----------",
		"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\:\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\", "\"\"\"'''[[[ ]]]", "0101010101010101010101010101010101010101010101010101010101010102",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_secret(texts[i], strlen(texts[i]), texts[i]);
}

/*
 * Random secrets, the same in each run.
 */

static void
random_bytes(unsigned char *bytes, size_t size, unsigned int seed)
{
	unsigned int block[2] = {seed, 0};

	for (size_t i = 0; i < size; i += 32, block[1]++)
	{
		unsigned char digest[32];

		SHA256((const unsigned char *) block, sizeof(block), digest);
		memcpy(bytes + i, digest, size - i < 32 ? size - i : 32);
	}
}

static int
count_found(Bytes bytes)
{
	SecretForm	form;
	const bool	found = secret_form_find(bytes.bytes, bytes.size, &form);

	if (found)
		printf("# found: %s\n", form.name);
	return found;
}

static int
count_found_and_free(Bytes bytes)
{
	const int	found = count_found(bytes);

	free(bytes.bytes);
	return found;
}

/* A text longer than any buffer, and a key behind the octets that are looked at. */
static void
test_long(void)
{
	static const char key[] = "-----BEGIN PUBLIC KEY-----";
	static char text[10000];

	random_bytes((unsigned char *) text, sizeof(text), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "0123456789abcdef"[text[i] & 15];
	check_secret(text, sizeof(text), "a long text");
	memcpy(text + 4096 - (sizeof(key) - 1), key, sizeof(key) - 1);
	check_found((Bytes) {(unsigned char *) text, sizeof(text)}, "public key", SECRET_REMEDY_PEM, false, "a key at octet 4096");
}

#define RANDOM_SECRETS 20000

static void
test_random(void)
{
	static const char letters[] = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
	int			n_raw = 0;
	int			n_text = 0;
	int			n_printable = 0;
	int			n_forced = 0;

	for (unsigned int seed = 0; seed < RANDOM_SECRETS; seed++)
	{
		unsigned char octets[64];
		Bytes		bytes = {octets, 32 + seed % 33};

		random_bytes(octets, bytes.size, seed);
		n_raw += count_found(bytes);
		n_text += count_found_and_free(base64_of(bytes)) + count_found_and_free(base64url_of(bytes)) +
			count_found_and_free(hex_of(bytes, "", LOWER));

		/* random octets behind the first two of DER, of which the length fits */
		octets[0] = 0x30;
		octets[1] = (unsigned char) (bytes.size - 2);
		n_forced += count_found(bytes) + count_found_and_free(base64_of(bytes));

		for (size_t i = 0; i < bytes.size; i++)
			octets[i] = (unsigned char) letters[octets[i] % (sizeof(letters) - 1)];
		n_printable += count_found(bytes);
	}
	CHECK(n_raw == 0, "%d of %d random secrets have a form", n_raw, RANDOM_SECRETS);
	CHECK(n_text == 0, "%d of %d as base64, base64url and hexadecimal digits", n_text, 3 * RANDOM_SECRETS);
	CHECK(n_printable == 0, "%d of %d of printable characters", n_printable, RANDOM_SECRETS);
	CHECK(n_forced == 0, "%d of %d that begin as DER", n_forced, 2 * RANDOM_SECRETS);
}

int
main(void)
{
	test_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048), "RSA");
	test_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "EC");
	test_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"), "EC");
	test_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "Ed25519");
	test_unreadable_keys();
	test_ssh();
	test_json();
	test_repeated();
	test_passphrases();
	test_long();
	test_random();
	return finish();
}
