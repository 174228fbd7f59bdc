/*
 * results_tokens.c
 *		Keys, and the access tokens that bench/results presents.
 *
 *	results_tokens COUNT PROCESSES
 *
 * Writes into the current folder, for each algorithm, ALGORITHM.key (the public
 * key in PEM, or a secret in hex) and ALGORITHM.token; with columns separated by
 * tabs, members.tsv (members of the claim "teams", claims, token), claims.tsv
 * (number, claims), and tokens_PROCESS.tsv (algorithm, number, token): COUNT
 * tokens of different subjects, by each algorithm that people rotate over.
 */
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test_sign.h"

#define LIFETIME_S INT64_C(86400)
#define UUID_SIZE 37			/* with the final zero */
#define MOST_MEMBERS 1000

static const char *const algorithms[] = {
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
	"ES256", "ES384", "ES512", "EdDSA", "HS256"
};
static const char *const rotated[] = {"RS256", "ES256", "EdDSA"};
static const int member_counts[] = {10, 100, MOST_MEMBERS};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct Signer
{
	const char *name;			/* as the header has it */
	char		header[128];
	TestKey		key;
} Signer;

static Signer signers[LENGTH(algorithms)];
static time_t issued_at;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *
create(const char *stem, const char *ending)
{
	char		name[64];
	FILE	   *file;

	snprintf(name, sizeof(name), "%s%s", stem, ending);
	file = fopen(name, "w");
	if (file == NULL)
		fail(name);
	return file;
}

/* What is not written whole is no measurement's business. */
static void
finish(FILE *file)
{
	if (ferror(file) || fclose(file) != 0)
		fail("write");
}

/* The UUID of the nth of something; bench.uuid() of results.sql makes the same. */
static const char *
uuid(const char *what, size_t n, char text[UUID_SIZE])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char		name[64];
	size_t		used = 0;

	snprintf(name, sizeof(name), "%s %zu", what, n);
	SHA256((const unsigned char *) name, strlen(name), hash);
	for (size_t i = 0; i < 16; i++)
		used += (size_t) snprintf(text + used, UUID_SIZE - used,
								  i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", hash[i]);
	return text;
}

/* The claims of the nth tenant's token, with these after them; malloc'd. */
static char *
claims(size_t n, const char *more)
{
	const size_t room = 1024 + strlen(more);
	char	   *text = malloc(room);
	char		subject[UUID_SIZE];
	char		token_id[UUID_SIZE];
	char		session[UUID_SIZE];

	if (text == NULL)
		fail("malloc");
	snprintf(text, room,
			 "{\"iss\":\"https://sso.example.com/realms/shop\",\"sub\":\"%s\",\"aud\":\"orders-api\","
			 "\"iat\":%lld,\"exp\":%lld,\"auth_time\":%lld,\"jti\":\"%s\",\"sid\":\"%s\",\"client_id\":\"shop-web\","
			 "\"scope\":\"openid profile email orders:read orders:write\","
			 "\"roles\":[\"customer\",\"newsletter\",\"returns\",\"support-tier-1\"],\"locale\":\"en\"%s}",
			 uuid("tenant", n, subject), (long long) issued_at,
			 (long long) issued_at + LIFETIME_S, (long long) issued_at,
			 uuid("token", n, token_id), uuid("session", n, session), more);
	return text;
}

static Signer *
signer(const char *name)
{
	for (size_t i = 0; i < LENGTH(algorithms); i++)
	{
		if (strcmp(algorithms[i], name) == 0)
			return &signers[i];
	}
	abort();
}

static void
make_signer(Signer *made, const char *name)
{
	const char *key_name = strcmp(name, "EdDSA") == 0 ? "Ed25519" : name;

	made->name = name;
	snprintf(made->header, sizeof(made->header),
			 "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s-2026\"}", name, name);
	for (int i = ALGORITHM_UNKNOWN + 1; i < ALGORITHM_COUNT; i++)
	{
		if (strcmp(algorithm_info((Algorithm) i)->name, key_name) == 0)
			test_key_make(&made->key, (Algorithm) i, NULL);
	}
}

/* The key as add_key() or add_secret() will be given it, and a token. */
static void
write_signer(const Signer *made)
{
	FILE	   *file = create(made->name, ".key");
	char	   *pem;
	char	   *payload = claims(1, "");
	char	   *token = test_sign(&made->key, made->header, payload);

	if (made->key.pkey != NULL)
	{
		pem = test_key_pem(made->key.pkey);
		fputs(pem, file);
		free(pem);
	}
	else
	{
		for (size_t i = 0; i < sizeof(made->key.secret); i++)
			fprintf(file, "%02x", made->key.secret[i]);
	}
	finish(file);
	file = create(made->name, ".token");
	fputs(token, file);
	finish(file);
	free(token);
	free(payload);
}

/* Tokens of the first tenant, who is in the first so many teams. */
static void
write_members(void)
{
	const Signer *by = signer("ES256");
	FILE	   *file = create("members", ".tsv");
	char		more[MOST_MEMBERS * (UUID_SIZE + 2) + 32];
	char		team[UUID_SIZE];

	for (size_t i = 0; i < LENGTH(member_counts); i++)
	{
		size_t		used = (size_t) snprintf(more, sizeof(more), ",\"teams\":[");
		char	   *payload;
		char	   *token;

		for (int n = 1; n <= member_counts[i]; n++)
			used += (size_t) snprintf(more + used, sizeof(more) - used, "%s\"%s\"",
									  n == 1 ? "" : ",", uuid("team", (size_t) n, team));
		snprintf(more + used, sizeof(more) - used, "]");
		payload = claims(1, more);
		token = test_sign(&by->key, by->header, payload);
		fprintf(file, "%d\t%s\t%s\n", member_counts[i], payload, token);
		free(token);
		free(payload);
	}
	finish(file);
}

static void
write_claims(size_t count)
{
	FILE	   *file = create("claims", ".tsv");

	for (size_t n = 1; n <= count; n++)
	{
		char	   *payload = claims(n, "");

		fprintf(file, "%zu\t%s\n", n, payload);
		free(payload);
	}
	finish(file);
}

/* One process's share of the tokens. */
static void
write_share(size_t count, int process, int processes)
{
	char		name[32];
	FILE	   *file;

	snprintf(name, sizeof(name), "tokens_%d", process);
	file = create(name, ".tsv");
	for (size_t n = (size_t) process + 1; n <= count; n += (size_t) processes)
	{
		char	   *payload = claims(n, "");

		for (size_t i = 0; i < LENGTH(rotated); i++)
		{
			const Signer *by = signer(rotated[i]);
			char	   *token = test_sign(&by->key, by->header, payload);

			fprintf(file, "%s\t%zu\t%s\n", by->name, n, token);
			free(token);
		}
		free(payload);
	}
	finish(file);
}

/* RSA signs some 1,500 tokens a second, so every processor helps. */
static void
write_tokens(size_t count, int processes)
{
	int			status;

	for (int process = 0; process < processes; process++)
	{
		pid_t		child = fork();

		if (child < 0)
			fail("fork");
		if (child == 0)
		{
			write_share(count, process, processes);
			exit(0);
		}
	}
	while (wait(&status) > 0)
	{
		if (status != 0)
		{
			fprintf(stderr, "a process that mints tokens failed\n");
			exit(1);
		}
	}
}

int
main(int argc, char **argv)
{
	if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[2]) < 1)
	{
		fprintf(stderr, "usage: results_tokens COUNT PROCESSES\n");
		return 2;
	}
	issued_at = time(NULL);
	for (size_t i = 0; i < LENGTH(algorithms); i++)
	{
		make_signer(&signers[i], algorithms[i]);
		write_signer(&signers[i]);
	}
	write_members();
	write_claims((size_t) atoi(argv[1]));
	write_tokens((size_t) atoi(argv[1]), atoi(argv[2]));
	for (size_t i = 0; i < LENGTH(algorithms); i++)
		test_key_free(&signers[i].key);
	return 0;
}
