// SPDX-License-Identifier: Apache-2.0

// Clients reads a running log with torchwood's client: checkpoint by a tlog-policy, every
// entry with the tiles that prove it, and the tlog-proofs that the market hands out.
//
//	clients -url http://127.0.0.1:8080 -vkey NAME+ID+KEY [-policy FILE]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	base            = flag.String("url", "", "the market's URL, without /log")
	proofs          = flag.String("proofs", "", "where the tlog-proofs are, if not there: a mirror has none")
	vkey            = flag.String("vkey", "", "verifier key of the log")
	policyFile      = flag.String("policy", "", "tlog-policy to judge by; else the log's key alone")
	checks, failing int
)

func ok(good bool, format string, args ...any) {
	checks++
	word := "ok"
	if !good {
		word = "not ok"
		failing++
	}
	fmt.Printf("%s %d - %s\n", word, checks, fmt.Sprintf(format, args...))
}

func die(err error) {
	if err != nil {
		fmt.Printf("Bail out! %v\n", err)
		os.Exit(1)
	}
}

func proofOf(index int64) ([]byte, error) {
	from := *base
	if *proofs != "" {
		from = *proofs
	}
	reply, err := http.Get(fmt.Sprintf("%s/v1/entries/%d/proof", from, index))
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	return io.ReadAll(reply.Body)
}

func main() {
	flag.Parse()
	ctx := context.Background()
	text := []byte("log " + *vkey + "\nquorum none\n")
	var err error
	if *policyFile != "" {
		text, err = os.ReadFile(*policyFile)
		die(err)
	}
	policy, err := torchwood.ParsePolicy(text)
	ok(err == nil, "it is a tlog-policy (%v)", err)
	die(err)
	fetcher, err := torchwood.NewTileFetcher(*base + "/log/")
	die(err)
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	die(err)
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	ok(err == nil, "the checkpoint meets the policy (%v)", err)
	die(err)
	client, err := torchwood.NewClient(fetcher)
	die(err)

	var leaves []tlog.Hash
	for index, entry := range client.AllEntries(ctx, checkpoint.Tree, 0) {
		if index != int64(len(leaves)) {
			ok(false, "entry %d came in place of %d", index, len(leaves))
		}
		leaves = append(leaves, tlog.RecordHash(entry))
	}
	ok(client.Err() == nil && int64(len(leaves)) == checkpoint.N,
		"all %d entries are proven by the tiles (%v)", checkpoint.N, client.Err())
	if int64(len(leaves)) != checkpoint.N {
		die(fmt.Errorf("%d of %d entries", len(leaves), checkpoint.N))
	}
	for _, index := range []int64{0, 1, checkpoint.N / 2, checkpoint.N - 1} {
		entry, _, err := client.Entry(ctx, checkpoint.Tree, index)
		ok(err == nil && tlog.RecordHash(entry) == leaves[index], "entry %d alone (%v)", index, err)
		proof, err := proofOf(index)
		die(err)
		err = torchwood.VerifyProof(policy, leaves[index], proof)
		ok(err == nil, "its tlog-proof verifies (%v)", err)
		ok(torchwood.VerifyProof(policy, leaves[(index+1)%checkpoint.N], proof) != nil, "and not for its neighbor")
	}
	fmt.Printf("1..%d\n", checks)
	if failing > 0 {
		os.Exit(1)
	}
}
