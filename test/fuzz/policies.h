/*
 * policies.h
 *		Issuers' policies, each with something that the others have not.
 */
#ifndef TOKEN_AUTH_POLICIES_H
#define TOKEN_AUTH_POLICIES_H

#define NOW_US (INT64_C(1800000000) * 1000000)
#define ISSUER_NAME "https://idp.example"

#define POLICY_RFC9068 \
	"{\"issuer\":\"" ISSUER_NAME "\",\"audiences\":[\"orders\",\"bills\"]," \
	"\"token_types\":[\"at+jwt\"]," \
	"\"required_claims\":[\"exp\",\"sub\",\"client_id\",\"iat\",\"jti\"]," \
	"\"subject_claim\":[\"sub\"],\"client_claim\":[\"client_id\"]," \
	"\"token_id_claim\":[\"jti\"],\"session_claim\":[\"sid\"]," \
	"\"scope_claims\":[[\"scope\"]]," \
	"\"role_claims\":[[\"groups\"],[\"roles\"],[\"entitlements\"]]}"

/* Microsoft Entra: constraints, alternative names */
#define POLICY_ENTRA \
	"{\"issuer\":\"" ISSUER_NAME "\",\"audiences\":[\"orders\"]," \
	"\"clients\":[\"app\",\"web\"],\"token_types\":[\"JWT\",\"\"]," \
	"\"required_claims\":[\"exp\",\"azp|appid\",\"scp|roles\"]," \
	"\"claim_constraints\":{\"tid\":[\"t1\",\"t2\"],\"!idtyp\":\"app\",\"ver\":[\"2.0\",null]}," \
	"\"subject_claim\":[\"oid|sub\"],\"client_claim\":[\"azp|appid\"]," \
	"\"token_id_claim\":[\"uti\"],\"scope_claims\":[[\"scp\"]]," \
	"\"role_claims\":[[\"roles\"],[\"groups|wids\"]]}"

/* Keycloak: paths, nested constraints */
#define POLICY_KEYCLOAK \
	"{\"issuer\":\"" ISSUER_NAME "\",\"audiences\":[\"orders\"]," \
	"\"claim_constraints\":{\"typ\":\"Bearer\"," \
	"\"realm_access\":{\"verified\":[true,null]},\"!aud\":[\"account\",0]}," \
	"\"subject_claim\":[\"sub\"],\"client_claim\":[\"azp\"]," \
	"\"device_claim\":[\"device\",\"id\"]," \
	"\"scope_claims\":[[\"scope\"],[\"more\",\"scope\"]]," \
	"\"role_claims\":[[\"realm_access\",\"roles\"],[\"resource_access\",\"orders\",\"roles\"]]}"

/* Amazon Cognito: the audience elsewhere */
#define POLICY_COGNITO \
	"{\"issuer\":\"" ISSUER_NAME "\",\"audiences\":[\"app\"]," \
	"\"audience_claim\":\"client_id\",\"claim_constraints\":{\"token_use\":\"access\"}," \
	"\"subject_claim\":[\"sub\"],\"client_claim\":[\"client_id\"]," \
	"\"token_id_claim\":[\"jti\"],\"scope_claims\":[[\"scope\"]]," \
	"\"role_claims\":[[\"cognito:groups\"]]}"

/* nearly everything allowed, and no iss */
#define POLICY_LAX \
	"{\"issuer\":\"\",\"audiences\":[\"*\"],\"token_types\":null,\"required_claims\":[]," \
	"\"subject_claim\":[\"a\",\"b|c\",\"d\"],\"scope_claims\":[[\"a\"]]," \
	"\"role_claims\":[[\"a\"]]}"

static const char *const policies[] = {
	POLICY_RFC9068, POLICY_ENTRA, POLICY_KEYCLOAK, POLICY_COGNITO, POLICY_LAX
};

#define N_POLICIES (sizeof(policies) / sizeof(policies[0]))

#endif							/* TOKEN_AUTH_POLICIES_H */
