# SPDX-License-Identifier: Apache-2.0
# Counterfoil. `make help` lists the targets; everything is built under build/.

# SAN=address,undefined | thread | (empty): which sanitizers; each choice has its own build tree.
SAN     ?=
V       ?= 0
CC      ?= gcc
OPT     ?= -O2
PKGS    := libpq libmicrohttpd jansson libsodium libcurl libcrypto zlib

comma   := ,
B       := build/$(if $(SAN),$(subst $(comma),-,$(SAN)),plain)
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' $(1) $(2))

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
           -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wvla -Wimplicit-fallthrough -Wnull-dereference
CFLAGS  := -std=gnu17 -D_GNU_SOURCE $(OPT) -g -fno-omit-frame-pointer -fstack-protector-strong $(WARN) \
           $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2) \
           -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(EXTRA_CFLAGS)
LDFLAGS := -Wl,--as-needed -pthread $(if $(SAN),-fsanitize=$(SAN))
LDLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

# Every .c outside tests/ is in one archive, except the programs' main files:
# a program links what it reaches, and tests/tidy/links checks what that is.
SOURCES := $(sort $(shell find schema ledger worker api -name '*.c'))
MAINS   := $(filter %/main.c,$(SOURCES))
LIB     := $(B)/libcounterfoil.a
LIB_O   := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAINS),$(SOURCES)))

# Migrations travel inside counterfoil-schema: each file becomes a string in a table.
SQL     := $(sort $(wildcard schema/sql/[0-9][0-9][0-9][0-9]_*.sql))
LIB_O   += $(B)/schema/sql/migrations.o

PROGRAM_schema        := counterfoil-schema
PROGRAM_ledger/signer := counterfoil-signer
PROGRAM_worker        := counterfoil-worker
PROGRAM_api           := counterfoil-api
PROGRAM_api/client    := counterfoil
PROGRAMS := $(foreach m,$(MAINS),$(B)/$(PROGRAM_$(patsubst %/main.c,%,$(m))))

UNIT_C  := $(sort $(shell find tests/unit -name '*.c'))
UNITS   := $(patsubst %.c,$(B)/%,$(UNIT_C))
TOOL_C  := $(sort $(shell find tests/bench tests/crash tests/interop tests/tidy -name '*.c' 2>/dev/null))
TOOLS   := $(patsubst %.c,$(B)/%,$(TOOL_C))
FUZZ_C  := $(sort $(shell find tests/fuzz -name '*.c'))
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_C))

.PHONY: help all run test unit tidy interop bench soak fuzz docs clean programs units tools deps
.DEFAULT_GOAL := help

help:
	@echo 'make run      install what is missing, build, start everything, walk from consent to payout; stays up'
	@echo 'make test     unit, HTTP, story and crash tests (sanitizers on); needs Debian packages only'
	@echo 'make all      build the programs into build/plain'
	@echo 'make tidy     rooms, include rules, style, links, generated docs'
	@echo 'make interop  let software of others judge log and credentials (Go, Node.js)'
	@echo 'make bench    measure against baselines run beside it; writes docs/benchmarks.md'
	@echo 'make soak     the long form of the crash and race tests'
	@echo 'make fuzz     every parser for FUZZ_SECONDS (default 20) each'
	@echo 'make docs     regenerate the generated pages'
	@echo 'make clean    remove build/'
	@echo 'SAN=address,undefined or SAN=thread builds with sanitizers, V=1 shows commands'

all: programs
	@:
programs: $(PROGRAMS)
units: $(UNITS)
tools: $(TOOLS)

deps:
	@.ci/debian

run:
	@.ci/debian
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@env --default-signal=INT api/demo/run

test:
	@.ci/debian
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined all units tools
	@tests/run

unit:
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined units
	@tests/run unit

tidy:
	@.ci/debian
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/tidy/run

interop:
	@.ci/debian interop
	@$(MAKE) --no-print-directory -j$$(nproc) all tools
	@tests/interop/run

bench:
	@.ci/debian bench
	@$(MAKE) --no-print-directory -j$$(nproc) all tools
	@tests/bench/run

soak:
	@.ci/debian
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@$(MAKE) --no-print-directory -j$$(nproc) SAN=address,undefined all tools
	@COUNTERFOIL_SOAK=yes tests/run crash story

fuzz:
	@.ci/debian fuzz
	@$(MAKE) --no-print-directory -j$$(nproc) $(FUZZERS)
	@tests/fuzz/run

docs:
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@docs/generate

clean:
	rm -rf build

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/schema/sql/migrations.c: $(SQL) Makefile
	@mkdir -p $(@D)
	$(call say,SQL,$@)
	$(Q){ echo '#include "schema/store/migrate.h"'; echo 'const struct migration migrations[] = {'; \
	for f in $(SQL); do n=$${f##*/}; v=$${n%%_*}; n=$${n#*_}; \
	    echo "    { 1$$v - 10000, \"$${n%.sql}\","; \
	    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo '    },'; done; \
	echo '    { 0, NULL, NULL },'; echo '};'; } > $@.new && mv $@.new $@
$(B)/schema/sql/migrations.o: $(B)/schema/sql/migrations.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The contract is part of the API's program (.incbin), which the compiler doesn't tell make.
$(B)/api/app.o: api/openapi.json

$(LIB): $(LIB_O)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $(LIB_O)

define program_rule
$(B)/$(PROGRAM_$(1)): $(B)/$(1)/main.o $(LIB)
	$$(call say,LD,$$@)
	$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach m,$(MAINS),$(eval $(call program_rule,$(patsubst %/main.c,%,$(m)))))

$(B)/tests/%: $(B)/tests/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Fuzz targets are built by clang from the sources themselves, with libFuzzer, ASan and UBSan.
FUZZ_FLAGS := -std=gnu17 -D_GNU_SOURCE -O1 -g -I. $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
FUZZ_O := $(patsubst %.c,build/fuzz/obj/%.o,$(filter-out $(MAINS),$(SOURCES)))
build/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<
build/fuzz/lib.a: $(FUZZ_O)
	$(Q)rm -f $@ && ar rcs $@ $(FUZZ_O)
build/fuzz/%: tests/fuzz/%.c build/fuzz/lib.a
	$(call say,FUZZ,$@)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -Wl,--as-needed -o $@ $< build/fuzz/lib.a $(LDLIBS) -pthread

.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
