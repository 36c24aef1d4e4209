/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/signer/program.h"

int main(int argc, char **argv)
{
    return signer_program(argc, argv);
}
