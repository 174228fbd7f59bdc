/*
 * secret_form.c
 *		Octets that are not a shared secret, recognized by their form.
 *
 * A verifier that takes a public key for an HMAC secret accepts tokens of
 * everybody who has the public key (RFC 8725 section 2.1). Tokens cannot cause
 * this here, since each key has one algorithm; an administrator who registers
 * a public key as a secret can.
 *
 * No form may fit random octets, or text that encodes random octets, by a
 * chance worth mentioning: that of the likeliest is one in a billion. DER is
 * recognized by its outline, and not decoded: keys of unknown types and keys
 * that OpenSSL rejects are as public as others.
 */
#include "core/secret_form.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#include "core/base64url.h"

#define LOOKED_AT_MAX 4096		/* octets; no secret is that long */
#define ENCODINGS_MAX 2			/* base64 of hexadecimal digits, say */

typedef struct Octets
{
	const unsigned char *bytes;
	size_t		size;
} Octets;

static bool
is_white_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_quote(unsigned char c)
{
	return c == '"' || c == '\'';
}

static bool
starts_with(Octets octets, const char *text)
{
	const size_t length = strlen(text);

	return octets.size >= length && memcmp(octets.bytes, text, length) == 0;
}

static Octets
skip(Octets octets, size_t n)
{
	octets.bytes += n;
	octets.size -= n;
	return octets;
}

static bool
is_wrapping(unsigned char c)
{
	return is_white_space(c) || is_quote(c) || c == '[' || c == ']';
}

/* Strips a byte order mark, and white space, quotes and brackets at both ends. */
static Octets
unwrap(Octets octets)
{
	if (starts_with(octets, "\xEF\xBB\xBF"))
		octets = skip(octets, 3);
	while (octets.size > 0 && is_wrapping(octets.bytes[0]))
		octets = skip(octets, 1);
	while (octets.size > 0 && is_wrapping(octets.bytes[octets.size - 1]))
		octets.size--;
	return octets;
}

static bool
is_repeated(Octets octets)
{
	/* compares each octet with the next */
	return octets.size > 1 &&
		memcmp(octets.bytes, octets.bytes + 1, octets.size - 1) == 0;
}

/*
 * Markers
 */

typedef struct Marker
{
	const char *text;
	SecretForm	form;
} Marker;

/* Texts that occur in a form and in no secret. The first that is found counts. */
static const Marker markers[] = {
	/* RFC 7468; explanatory text may precede a block */
	{"PRIVATE KEY-----", {"a private key in PEM", SECRET_REMEDY_PUBLIC_PART, false}},
	{"CERTIFICATE-----", {"a certificate in PEM", SECRET_REMEDY_PEM, false}},
	{"PUBLIC KEY-----", {"a public key in PEM", SECRET_REMEDY_PEM, false}},
	{"-----BEGIN ", {"a PEM block", SECRET_REMEDY_PEM, false}},
	{"openssh-key-v1", {"a private key of OpenSSH", SECRET_REMEDY_PUBLIC_PART, false}},
	{"PuTTY-User-Key-File-", {"a private key of PuTTY", SECRET_REMEDY_PUBLIC_PART, false}},
	/* RFC 4716 */
	{"---- BEGIN SSH2 ", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	/* RFC 4253 section 6.6 in base64: "ssh-", "ssh-ed", "ecdsa", "sk-ssh", "sk-ecd" */
	{"AAAAB3NzaC1", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	{"AAAAC3NzaC1lZD", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	{"AAAAE2VjZHNh", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	{"AAAAGnNrLXNzaC", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	{"AAAAInNrLWVjZ", {"an SSH public key", SECRET_REMEDY_TO_PEM, false}},
	/* XML Signature, and what .NET writes */
	{"X509Certificate>", {"a certificate in XML", SECRET_REMEDY_TO_PEM, false}},
	{"RSAKeyValue>", {"an RSA key in XML", SECRET_REMEDY_TO_PEM, false}},
};

static bool
find_marker(Octets octets, SecretForm *form)
{
	for (size_t i = 0; i < sizeof(markers) / sizeof(markers[0]); i++)
	{
		for (Octets rest = octets; rest.size > 0; rest = skip(rest, 1))
		{
			if (starts_with(rest, markers[i].text))
			{
				*form = markers[i].form;
				return true;
			}
		}
	}
	return false;
}

/* Recognizes the blob of an SSH public key by the length and the beginning of its algorithm's name. */
static bool
find_ssh_blob(Octets octets, SecretForm *form)
{
	static const unsigned char zeros[3] = {0};

	if (octets.size < 4 || memcmp(octets.bytes, zeros, sizeof(zeros)) != 0)
		return false;
	octets = skip(octets, 4);
	if (!starts_with(octets, "ssh-") && !starts_with(octets, "ecdsa-") &&
		!starts_with(octets, "sk-"))
		return false;
	*form = (SecretForm) {"an SSH public key", SECRET_REMEDY_TO_PEM, false};
	return true;
}

/*
 * JSON
 */

/* True if there are octets that JSON text cannot have. Random octets nearly always have some. */
static bool
has_control_characters(Octets octets)
{
	for (size_t i = 0; i < octets.size; i++)
	{
		if (octets.bytes[i] < 0x20 && !is_white_space(octets.bytes[i]))
			return true;
	}
	return false;
}

static Octets
skip_white_space(Octets octets)
{
	while (octets.size > 0 && is_white_space(octets.bytes[0]))
		octets = skip(octets, 1);
	return octets;
}

/* Moves *rest behind the end of a member's name: a quote, escaped or not, and the colon. */
static bool
take_end_of_name(Octets *rest)
{
	Octets		octets = *rest;

	while (octets.size > 0 && octets.bytes[0] == '\\')
		octets = skip(octets, 1);
	if (octets.size == 0 || !is_quote(octets.bytes[0]))
		return false;
	octets = skip_white_space(skip(octets, 1));
	if (!starts_with(octets, ":"))
		return false;
	*rest = skip(octets, 1);
	return true;
}

/* Returns the text from the value of the first member "kty" on; empty if there is none. */
static Octets
find_key_type(Octets octets)
{
	for (; octets.size > 0; octets = skip(octets, 1))
	{
		Octets		rest;

		if (!is_quote(octets.bytes[0]) || !starts_with(skip(octets, 1), "kty"))
			continue;
		rest = skip(octets, 4);
		if (take_end_of_name(&rest))
			return rest;
	}
	return octets;
}

/* True if a JSON value may begin here. */
static bool
starts_as_value(Octets octets)
{
	octets = skip_white_space(octets);
	return octets.size > 0 && octets.bytes[0] != '\0' &&
		strchr("\"'{[-0123456789tfn", octets.bytes[0]) != NULL;
}

/* True for an object of one member or more, judged by its ends and its first name. */
static bool
is_json_object(Octets octets)
{
	octets = unwrap(octets);
	if (octets.size < 2 || octets.bytes[0] != '{' ||
		octets.bytes[octets.size - 1] != '}' || has_control_characters(octets))
		return false;
	octets = skip_white_space(skip(octets, 1));
	if (octets.size == 0 || !is_quote(octets.bytes[0]))
		return false;
	octets = skip(octets, 1);
	while (octets.size > 0 && !is_quote(octets.bytes[0]))
		octets = skip(octets, octets.bytes[0] == '\\' && octets.size > 1 ? 2 : 1);
	return take_end_of_name(&octets) && starts_as_value(octets);
}

static bool
find_json(Octets octets, SecretForm *form)
{
	Octets		type = find_key_type(octets);

	if (type.size > 0)
	{
		while (type.size > 0 && (is_white_space(type.bytes[0]) ||
								 type.bytes[0] == '\\' || is_quote(type.bytes[0])))
			type = skip(type, 1);
		if (starts_with(type, "oct"))
			*form = (SecretForm) {"a symmetric key as JWK (\"kty\": \"oct\")", SECRET_REMEDY_DECODE_K, false};
		else
			*form = (SecretForm) {"a JWK or a JWK Set", SECRET_REMEDY_JWK, false};
		return true;
	}
	if (!is_json_object(octets))
		return false;
	*form = (SecretForm) {"a JSON object", SECRET_REMEDY_JWK, false};
	return true;
}

/* Recognizes a token, signed or encrypted: its first part is a JSON object in base64url. */
static bool
find_token(Octets octets, SecretForm *form)
{
	unsigned char header[BASE64URL_DECODED_SIZE(LOOKED_AT_MAX)];
	const unsigned char *dot;
	Octets		decoded = {header, 0};
	bool		found;

	octets = unwrap(octets);
	dot = octets.size == 0 ? NULL : memchr(octets.bytes, '.', octets.size);
	found = dot != NULL &&
		base64url_decode((const char *) octets.bytes, (size_t) (dot - octets.bytes),
						 header, &decoded.size) &&
		is_json_object(decoded);
	OPENSSL_cleanse(header, sizeof(header));
	if (found)
		*form = (SecretForm) {"a token", SECRET_REMEDY_SECRET, false};
	return found;
}

/*
 * DER
 */

#define OUTLINE_MAX 12

/* The elements of a SEQUENCE, a letter for each of the first ones. */
typedef struct Outline
{
	char		letters[OUTLINE_MAX + 1];
	size_t		n_elements;
} Outline;

/* Reads an element of definite length. Moves *rest behind it. */
static bool
take_element(Octets *rest, int *tag, int *class, Octets *content)
{
	const unsigned char *start = rest->bytes;
	long		size;

	if (rest->size == 0 ||
		(ASN1_get_object(&start, &size, tag, class, (long) rest->size) & 0x81) != 0)
		return false;
	content->bytes = start;
	content->size = (size_t) size;
	*rest = skip(*rest, (size_t) (start - rest->bytes) + content->size);
	return true;
}

static char
letter_of(int tag, int class, Octets content)
{
	if (class == V_ASN1_CONTEXT_SPECIFIC && tag == 0)
		return '0';
	if (class != V_ASN1_UNIVERSAL)
		return '?';
	switch (tag)
	{
		case V_ASN1_INTEGER:
			return 'i';
		case V_ASN1_BIT_STRING:
			return 'b';
		case V_ASN1_OCTET_STRING:
			return 'o';
		case V_ASN1_OBJECT:
			return 'n';			/* the name of an algorithm or a content */
		case V_ASN1_SEQUENCE:
			/* an AlgorithmIdentifier (RFC 5280 section 4.1.1.2), or another SEQUENCE */
			return content.size > 0 && content.bytes[0] == V_ASN1_OBJECT ? 'a' : 's';
		default:
			return '?';
	}
}

/* Reads the outline of a SEQUENCE. Other octets may follow, as in a file of several keys. */
static bool
read_outline(Octets octets, Outline *outline)
{
	Octets		content;
	int			tag;
	int			class;

	if (!take_element(&octets, &tag, &class, &content) ||
		tag != V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL)
		return false;
	memset(outline, 0, sizeof(*outline));
	while (content.size > 0)
	{
		Octets		element;

		if (!take_element(&content, &tag, &class, &element))
			return false;
		if (outline->n_elements < OUTLINE_MAX)
			outline->letters[outline->n_elements] = letter_of(tag, class, element);
		outline->n_elements++;
	}
	return true;
}

/* Outlines of keys and certificates. The first that fits counts. */
static const struct
{
	const char *letters;
	bool		is_whole;		/* no more elements follow */
	SecretForm	form;
}			outlines[] = {
	{"ab", true, {"a public key in DER", SECRET_REMEDY_TO_PEM, false}}, /* RFC 5280 section 4.1.2.7 */
	{"ii", true, {"an RSA public key in DER", SECRET_REMEDY_TO_PEM, false}},	/* RFC 8017 A.1.1 */
	{"sab", true, {"a certificate in DER", SECRET_REMEDY_TO_PEM, false}},	/* RFC 5280 section 4.1 */
	{"n0", true, {"certificates in DER (PKCS #7)", SECRET_REMEDY_TO_PEM, false}},	/* RFC 5652 section 3 */
	{"ao", true, {"an encrypted private key in DER", SECRET_REMEDY_PUBLIC_PART, false}},	/* RFC 5958 section 3 */
	{"ia", false, {"a private key in DER", SECRET_REMEDY_PUBLIC_PART, false}},	/* RFC 5958 section 2, RFC 7292 */
	{"io", false, {"an EC private key in DER", SECRET_REMEDY_PUBLIC_PART, false}},	/* RFC 5915 section 3 */
	{"iiiiii", false, {"a private key in DER", SECRET_REMEDY_PUBLIC_PART, false}},	/* RFC 8017 A.1.2 */
};

static bool
find_der(Octets octets, SecretForm *form)
{
	Outline		outline;

	if (!read_outline(octets, &outline))
		return false;
	for (size_t i = 0; i < sizeof(outlines) / sizeof(outlines[0]); i++)
	{
		const size_t length = strlen(outlines[i].letters);

		if (memcmp(outline.letters, outlines[i].letters, length) == 0 &&
			(!outlines[i].is_whole || outline.n_elements == length))
		{
			*form = outlines[i].form;
			return true;
		}
	}
	return false;
}

/*
 * Encodings
 */

/* Copies text without white space, and without the escapes of JSON. */
static Octets
compact(Octets octets, unsigned char *buffer)
{
	Octets		result = {buffer, 0};

	for (size_t i = 0; i < octets.size; i++)
	{
		const unsigned char c = octets.bytes[i];

		if (is_white_space(c))
			continue;
		if (c != '\\')
			buffer[result.size++] = c;
		else if (i + 1 < octets.size &&
				 (octets.bytes[i + 1] == 'n' || octets.bytes[i + 1] == 'r'))
			i++;				/* a line break; from "\/" the slash remains */
	}
	return result;
}

static int
digit_value(unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c == '\0' ? NULL : strchr(digits, c | (c >= 'A' ? 0x20 : 0));

	return digit == NULL ? -1 : (int) (digit - digits);
}

/* Decodes pairs of hexadecimal digits, between which there may be colons. */
static bool
decode_hex(Octets text, unsigned char *bytes, size_t *size)
{
	*size = 0;
	if (starts_with(text, "0x"))
		text = skip(text, 2);
	else if (starts_with(text, "x"))	/* bytea's \x, without its backslash */
		text = skip(text, 1);
	while (text.size >= 2)
	{
		const int	high = digit_value(text.bytes[0]);
		const int	low = digit_value(text.bytes[1]);

		if (high < 0 || low < 0)
			return false;
		bytes[(*size)++] = (unsigned char) (high << 4 | low);
		text = skip(text, 2);
		if (text.size > 0 && text.bytes[0] == ':')
			text = skip(text, 1);
	}
	return text.size == 0;
}

/* Decodes base64 of either alphabet, padded or not. Changes text. */
static bool
decode_base64(unsigned char *text, size_t length, unsigned char *bytes,
			  size_t *size)
{
	while (length > 0 && text[length - 1] == '=')
		length--;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '+')
			text[i] = '-';
		else if (text[i] == '/')
			text[i] = '_';
	}
	return base64url_decode((const char *) text, length, bytes, size);
}

static bool find_form(Octets octets, int n_encodings, SecretForm *form);

static bool
find_encoded(Octets octets, int n_encodings, SecretForm *form)
{
	unsigned char text[LOOKED_AT_MAX];
	unsigned char bytes[BASE64URL_DECODED_SIZE(LOOKED_AT_MAX)];
	Octets		decoded = {bytes, 0};
	Octets		compacted;
	bool		found;

	if (n_encodings == ENCODINGS_MAX)
		return false;
	compacted = compact(unwrap(octets), text);
	found = decode_hex(compacted, bytes, &decoded.size) &&
		find_form(decoded, n_encodings + 1, form);
	if (!found)
		found = decode_base64(text, compacted.size, bytes, &decoded.size) &&
			find_form(decoded, n_encodings + 1, form);
	if (found)
		form->is_encoded = true;
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return found;
}

static bool
find_form(Octets octets, int n_encodings, SecretForm *form)
{
	if (is_repeated(octets) || is_repeated(unwrap(octets)))
	{
		*form = (SecretForm) {"one byte repeated", SECRET_REMEDY_SECRET, false};
		return true;
	}
	return find_marker(octets, form) || find_ssh_blob(octets, form) ||
		find_json(octets, form) || find_token(octets, form) ||
		find_der(octets, form) || find_encoded(octets, n_encodings, form);
}

bool
secret_form_find(const unsigned char *bytes, size_t size, SecretForm *form)
{
	const Octets octets = {bytes, size < LOOKED_AT_MAX ? size : LOOKED_AT_MAX};
	const bool	found = find_form(octets, 0, form);

	ERR_clear_error();			/* of ASN1_get_object() */
	return found;
}
