# token_auth
#
#	make, make install, make installcheck	as for every PostgreSQL extension;
#						PG_CONFIG says for which server
#	make demo		see it work, on a cluster of its own
#	make check		every test, on a cluster of its own
#	make setup		install the packages that building and testing need
#	make check-sanitize, check-valgrind	sql/ in a server that watches its memory
#	make soak COUNT=1000000	so many tokens in one session, and its memory
#	make fuzz FUZZ_TIME=60	the core under libFuzzer, each target for some seconds
#	make mutants FILE=src/core/jwk.c	faults planted in the core that no unit test notices
#	make lint		what compilers and analyzers say
#	make bench		what policies, tokens and transactions cost: bench/results.md
#	make bench-limits	what the worst that may arrive costs: docs/limits.md
#	make bench-revocations	what revocations cost readers: bench/revocations.md
#	make unit, layering, indent		one check alone; the code's layout

PG_CONFIG ?= pg_config

# These find a PostgreSQL for themselves, or need none. PGXS has a "check" too,
# which says that it cannot; it is left out when only these are asked for.
scripts = demo check check-sanitize check-valgrind soak setup unit fuzz mutants lint bench bench-limits bench-revocations layering indent
.PHONY: $(scripts)

ifneq ($(filter-out $(scripts),$(or $(MAKECMDGOALS),all)),)

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
server_headers := $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)

ifneq ($(and $(wildcard $(PGXS)),$(wildcard $(server_headers)/postgres.h)),)

EXTENSION = token_auth
MODULE_big = token_auth
# never called VERSION: that one is PostgreSQL's
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" token_auth.control)
DATA = token_auth--$(EXTVERSION).sql $(sort $(wildcard token_auth--*--*.sql))
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/core/*.c src/*.c)))

# The bitcode would refer to symbols that exports.map hides.
override with_llvm = no

# -MMD: an object is built anew when a header it includes has changed.
PG_CPPFLAGS = -I$(srcdir)/src $(shell pkg-config --cflags libcrypto jansson 2>/dev/null) -MMD -MP
# PostgreSQL's headers are not clean under -Wextra without the three exceptions.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare
SHLIB_LINK = $(shell pkg-config --libs-only-L libcrypto jansson 2>/dev/null) -lcrypto -ljansson \
	-Wl,--version-script=$(srcdir)/src/exports.map
EXTRA_CLEAN = $(OBJS:.o=.d)

# sql/install.sql comes first, the others in the order of their names.
REGRESS_FIRST = install
regress := $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS := $(strip $(filter $(REGRESS_FIRST),$(regress)) $(filter-out $(REGRESS_FIRST),$(regress)))

ISOLATION := $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation

ifneq ($(wildcard test/t/*.pl),)
TAP_TESTS = 1
PROVE_TESTS ?= test/t/*.pl
endif

include $(PGXS)

ifneq ($(filter 9.% 10 11 12 13 14,$(MAJORVERSION)),)
$(error token_auth needs PostgreSQL 15 or newer, and $(PG_CONFIG) is of $(MAJORVERSION))
endif

$(shlib): src/exports.map
-include $(OBJS:.o=.d)

clean: clean-unit
.PHONY: clean-unit
clean-unit:
	$(if $(wildcard test/unit/Makefile),$(MAKE) -C test/unit clean)
	$(if $(wildcard test/fuzz/Makefile),$(MAKE) -C test/fuzz clean)

else

define no_server
The server headers of PostgreSQL are missing ($(PG_CONFIG) does not lead to them).
"make setup" installs them on Debian and Ubuntu, with whatever else is missing;
a PostgreSQL elsewhere is named with PG_CONFIG=/path/to/pg_config
endef

$(filter-out $(scripts),$(or $(MAKECMDGOALS),all)):
	$(error $(no_server))

endif
endif

demo:
	@examples/demo

ifneq ($(filter check,$(MAKECMDGOALS)),)
check:
	@test/check
endif

check-sanitize:
	@test/check-memory sanitize

check-valgrind:
	@test/check-memory valgrind

COUNT = 1000000
soak:
	@test/soak $(COUNT)

setup:
	@test/setup check

unit:
	$(MAKE) -C test/unit check

fuzz:
	@test/setup fuzz
	@$(MAKE) --no-print-directory -s -C test/fuzz run

# without FILE or COUNT: some of the whole core; COUNT=0: all
mutants: COUNT =
mutants:
	@test/mutants $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(FILE)

lint:
	@test/setup lint
	@test/lint

# some 30 minutes on two processors
bench: ROWS = 2000000
bench: SECONDS = 1
bench: ROUNDS = 5
bench: TOKENS = 100000
bench:
	@bench/results $(ROWS) $(SECONDS) $(ROUNDS) $(TOKENS)

bench-limits:
	@bench/limits $(COUNT)

ROWS = 10000000
SECONDS = 60
ROUNDS = 3
bench-revocations:
	@bench/revocations $(ROWS) $(SECONDS) $(ROUNDS)

layering:
	$(MAKE) all
	test/layering --self-test
	test/layering

# pgindent's options and its last step; "text" is a type and, far more often, a
# variable, and designated initializers are unknown to pg_bsd_indent.
indent_options = -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 \
	-i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4
after_indent = -e 's/^([A-Za-z_][^[:space:]]*)[[:space:]]+\*$$/\1 */' \
	-e 's/\btext \* /text */g' -e 's/,\.([a-z])/, .\1/g'

indent:
	@for file in $(wildcard src/*.[ch] src/core/*.[ch] test/*/*.[ch]); do \
		pg_bsd_indent $(indent_options) -Usrc/typedefs.list $$file && \
		rm -f $$(basename $$file).BAK && \
		sed -i -E $(after_indent) $$file || exit 1; \
	done
