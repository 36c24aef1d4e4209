# SPDX-License-Identifier: Apache-2.0
"""What whole-program tests stand on: checks in TAP, a throwaway PostgreSQL, programs, HTTP."""
