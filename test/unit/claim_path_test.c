/* A claim is found under the whole of a name, and under none that it begins or ends with. */
#include "test.h"

#include <jansson.h>

#include "core/claim_path.h"

/* Which member of claims the names find: its value, a string; NULL: none. */
static void
check_found(const char *text, const char *names, const char *expected)
{
	json_t	   *claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *found = json_string_value(claim_find(claims, names));

	CHECK(found == NULL ? expected == NULL : expected != NULL && strcmp(found, expected) == 0,
		  "%s in %s: %s", names, text, expected == NULL ? "none" : expected);
	json_decref(claims);
}

static void
test_names(void)
{
	/* in the middle, at the end and alone */
	check_found("{\"azpx\":\"x\"}", "client_id|azp|cid", NULL);
	check_found("{\"azpx\":\"x\"}", "client_id|azp", NULL);
	check_found("{\"azpx\":\"x\"}", "azp", NULL);
	check_found("{\"client_idx\":\"x\"}", "client_id|azp", NULL);
	check_found("{\"azpx\":\"x\",\"az\":\"y\",\"\":\"z\",\"xazp\":\"v\"}", "azp|cid", NULL);
	check_found("{\"azp|cid\":\"x\"}", "azp|cid", NULL);
	check_found("{\"AZP\":\"x\"}", "azp|cid", NULL);
	check_found("{}", "azp|cid", NULL);
	check_found("{\"azp\":null,\"cid\":null}", "azp|cid", NULL);

	check_found("{\"azpx\":\"x\",\"azp\":\"y\"}", "azp|cid", "y");
	check_found("{\"cid\":\"x\",\"azp\":\"y\"}", "azp|cid", "y");
	check_found("{\"cid\":\"x\",\"azp\":null}", "azp|cid", "x");
	check_found("{\"cid\":\"x\",\"azpx\":\"y\"}", "azp|cid", "x");
}

static void
check_path(const char *text, const char *path_text, const char *expected)
{
	json_t	   *claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t	   *path = json_loads(path_text, 0, NULL);
	const char *found = json_string_value(claim_at_path(claims, path));

	CHECK(found == NULL ? expected == NULL : expected != NULL && strcmp(found, expected) == 0,
		  "%s in %s: %s", path_text, text, expected == NULL ? "none" : expected);
	json_decref(path);
	json_decref(claims);
}

static void
test_paths(void)
{
	check_path("{\"a\":{\"bx\":\"x\"}}", "[\"a\",\"b|c\"]", NULL);
	check_path("{\"ax\":{\"b\":\"x\"}}", "[\"a|d\",\"b\"]", NULL);
	check_path("{\"a\":[{\"b\":\"x\"}]}", "[\"a\",\"b\"]", NULL);
	check_path("{\"a\":\"b\"}", "[\"a\",\"b\"]", NULL);
	check_path("{\"b\":\"x\"}", "[\"a\",\"b\"]", NULL);
	check_path("{\"a\":\"x\"}", "[]", NULL);
	check_path("{\"a\":{\"b\":\"x\"}}", "[\"a\",\"b\"]", "x");
	check_path("{\"d\":{\"c\":\"x\"}}", "[\"a|d\",\"b|c\"]", "x");
}

static void
test_inclusion(void)
{
	CHECK(!claim_names_include("roles|groups|wids", "group"), "not the beginning of a name");
	CHECK(!claim_names_include("roles|groups|wids", "groupsx"), "nor what begins with one");
	CHECK(!claim_names_include("roles|groups|wids", "widsx"), "nor with the last");
	CHECK(!claim_names_include("roles|groups|wids", "wid"), "nor the beginning of the last");
	CHECK(!claim_names_include("roles|groups|wids", ""), "nor nothing");
	CHECK(!claim_names_include("roles|groups", "roles|groups"), "nor all of them");
	CHECK(!claim_names_include(NULL, "roles"), "no names include none");
	CHECK(claim_names_include("roles|groups|wids", "roles") && claim_names_include("roles|groups|wids", "groups") &&
		  claim_names_include("roles|groups|wids", "wids"), "each of the names");
}

int
main(void)
{
	test_names();
	test_paths();
	test_inclusion();
	return finish();
}
