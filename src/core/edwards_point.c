/*
 * edwards_point.c
 *		Points that an Ed25519 or Ed448 public key may be.
 *
 * OpenSSL imports any bytes as a key, and under a key of low order one
 * constant signature verifies for every message, or for many. So the point is
 * decoded and doubled here, once, when the key is registered. Constant time is
 * not needed: the key is public.
 */
#include "core/edwards_point.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

/* a x^2 + y^2 = 1 + d x^2 y^2 modulo p (RFC 8032 sections 5.1 and 5.2) */
typedef struct EdwardsCurve
{
	const char *p;				/* hexadecimal */
	const char *d;
	const char *a;
	int			cofactor_log2;	/* low orders divide 2 to this power */
} EdwardsCurve;

static const EdwardsCurve ed25519 = {
	.p = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED",
	.d = "52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3",
	.a = "-1",
	.cofactor_log2 = 3
};

static const EdwardsCurve ed448 = {
	.p = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
	"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
	.d = "-98A9",
	.a = "1",
	.cofactor_log2 = 2
};

/* One computation: the curve's constants and a point (x, y), all from ctx. */
typedef struct Workspace
{
	BN_CTX	   *ctx;
	BIGNUM	   *p;
	BIGNUM	   *d;
	BIGNUM	   *a;
	BIGNUM	   *x;
	BIGNUM	   *y;
	BIGNUM	   *numerator;
	BIGNUM	   *denominator;
	BIGNUM	   *xx;
	BIGNUM	   *yy;
} Workspace;

/* The outcome of a step: a fact about the point, or no memory to find out. */
typedef enum PointState
{
	POINT_GOOD,
	POINT_NOT_CANONICAL,
	POINT_NOT_ON_CURVE,
	POINT_LOW_ORDER,
	POINT_UNKNOWN
} PointState;

static bool
workspace_start(Workspace *w, const EdwardsCurve *curve)
{
	BN_CTX_start(w->ctx);
	w->p = BN_CTX_get(w->ctx);
	w->d = BN_CTX_get(w->ctx);
	w->a = BN_CTX_get(w->ctx);
	w->x = BN_CTX_get(w->ctx);
	w->y = BN_CTX_get(w->ctx);
	w->numerator = BN_CTX_get(w->ctx);
	w->denominator = BN_CTX_get(w->ctx);
	w->xx = BN_CTX_get(w->ctx);
	w->yy = BN_CTX_get(w->ctx);

	/* once BN_CTX_get() has failed it fails on: the last tells for all */
	return w->yy != NULL &&
		BN_hex2bn(&w->p, curve->p) > 0 &&
		BN_hex2bn(&w->d, curve->d) > 0 &&
		BN_hex2bn(&w->a, curve->a) > 0;
}

/* y is the number without its top bit, little-endian; that bit is x's sign. */
static PointState
decode_y(Workspace *w, const unsigned char *bytes, size_t n_bytes)
{
	unsigned char number[57];

	if (n_bytes > sizeof(number))
		return POINT_NOT_CANONICAL;
	memcpy(number, bytes, n_bytes);
	number[n_bytes - 1] &= 0x7F;
	if (BN_lebin2bn(number, (int) n_bytes, w->y) == NULL)
		return POINT_UNKNOWN;
	return BN_cmp(w->y, w->p) < 0 ? POINT_GOOD : POINT_NOT_CANONICAL;
}

static bool
divide(Workspace *w, BIGNUM *quotient)
{
	return BN_mod_inverse(w->denominator, w->denominator, w->p, w->ctx) != NULL &&
		BN_mod_mul(quotient, w->numerator, w->denominator, w->p, w->ctx);
}

/*
 * x^2 = (1 - y^2) / (a - d y^2), where the divisor is never zero because d/a
 * is no square. Either root will do: a point and its negative have one order.
 */
static PointState
recover_x(Workspace *w)
{
	if (!BN_mod_sqr(w->yy, w->y, w->p, w->ctx) ||
		!BN_mod_sub(w->numerator, BN_value_one(), w->yy, w->p, w->ctx) ||
		!BN_mod_mul(w->denominator, w->d, w->yy, w->p, w->ctx) ||
		!BN_mod_sub(w->denominator, w->a, w->denominator, w->p, w->ctx) ||
		!divide(w, w->xx))
		return POINT_UNKNOWN;

	/* BN_mod_sqrt() checks its root, and so fails on what is not a square */
	if (BN_mod_sqrt(w->x, w->xx, w->p, w->ctx) == NULL)
		return POINT_NOT_ON_CURVE;
	return POINT_GOOD;
}

/*
 * (x, y) becomes its double, by the complete addition law:
 * x' = 2xy / (1 + d x^2 y^2), y' = (y^2 - a x^2) / (1 - d x^2 y^2).
 */
static bool
double_point(Workspace *w, BIGNUM *dxxyy, BIGNUM *doubled_x)
{
	return BN_mod_sqr(w->xx, w->x, w->p, w->ctx) &&
		BN_mod_sqr(w->yy, w->y, w->p, w->ctx) &&
		BN_mod_mul(dxxyy, w->xx, w->yy, w->p, w->ctx) &&
		BN_mod_mul(dxxyy, dxxyy, w->d, w->p, w->ctx) &&
		BN_mod_mul(w->numerator, w->x, w->y, w->p, w->ctx) &&
		BN_mod_lshift1(w->numerator, w->numerator, w->p, w->ctx) &&
		BN_mod_add(w->denominator, BN_value_one(), dxxyy, w->p, w->ctx) &&
		divide(w, doubled_x) &&
		BN_mod_mul(w->xx, w->a, w->xx, w->p, w->ctx) &&
		BN_mod_sub(w->numerator, w->yy, w->xx, w->p, w->ctx) &&
		BN_mod_sub(w->denominator, BN_value_one(), dxxyy, w->p, w->ctx) &&
		divide(w, w->y) &&
		BN_copy(w->x, doubled_x) != NULL;
}

/* Low order: the cofactor times the point is the neutral element (0, 1). */
static PointState
check_order(Workspace *w, int cofactor_log2)
{
	BIGNUM	   *dxxyy = BN_CTX_get(w->ctx);
	BIGNUM	   *doubled_x = BN_CTX_get(w->ctx);

	if (doubled_x == NULL)
		return POINT_UNKNOWN;
	for (int i = 0; i < cofactor_log2; i++)
	{
		if (!double_point(w, dxxyy, doubled_x))
			return POINT_UNKNOWN;
	}
	return BN_is_zero(w->x) && BN_is_one(w->y) ? POINT_LOW_ORDER : POINT_GOOD;
}

static PointState
point_state(const EdwardsCurve *curve, const unsigned char *bytes,
			size_t n_bytes)
{
	Workspace	w = {0};
	PointState	state = POINT_UNKNOWN;

	w.ctx = BN_CTX_new();
	if (w.ctx == NULL)
		return POINT_UNKNOWN;
	if (workspace_start(&w, curve))
	{
		state = decode_y(&w, bytes, n_bytes);
		if (state == POINT_GOOD)
			state = recover_x(&w);
		if (state == POINT_GOOD)
			state = check_order(&w, curve->cofactor_log2);
	}
	BN_CTX_end(w.ctx);
	BN_CTX_free(w.ctx);
	ERR_clear_error();
	return state;
}

Verdict
edwards_point_check(Algorithm algorithm, const unsigned char *bytes,
					size_t n_bytes, Detail *detail)
{
	const EdwardsCurve *curve = algorithm == ALGORITHM_ED448 ? &ed448 : &ed25519;

	switch (point_state(curve, bytes, n_bytes))
	{
		case POINT_GOOD:
			return VERDICT_OK;
		case POINT_NOT_CANONICAL:
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"x\" is not the canonical encoding of a point.");
		case POINT_NOT_ON_CURVE:
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"x\" does not encode a point of the curve.");
		case POINT_LOW_ORDER:
			return verdict_refuse(detail, VERDICT_MALFORMED,
								  "The member \"x\" is a point of low order, under which signatures can be forged.");
		case POINT_UNKNOWN:
			break;
	}
	return verdict_refuse(detail, VERDICT_OUT_OF_MEMORY, "Out of memory.");
}
