/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The whole program counterfoil-signer; gives its exit code: 0 done, 1 failed, 2 wrong usage. */
int signer_program(int argc, char **argv);
