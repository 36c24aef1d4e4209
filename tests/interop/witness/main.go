// SPDX-License-Identifier: Apache-2.0

// Witness is a log made with golang.org/x/mod that asks a witness for cosignatures, as the text of
// tlog-witness says: every status, and what torchwood makes of the answers.
//
//	witness -skey PRIVATE+KEY+… -url http://127.0.0.1:8090 -vkey NAME+ID+KEY
//	witness -new ORIGIN           prints a new log's skey and vkey
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var checks, failing int

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

type tree struct{ hashes []tlog.Hash }

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = t.hashes[x]
	}
	return out, nil
}

func grow(n int64, word string) *tree {
	t := &tree{}
	for i := int64(0); i < n; i++ {
		more, err := tlog.StoredHashes(i, []byte(fmt.Sprintf("%s %d\n", word, i)), t)
		die(err)
		t.hashes = append(t.hashes, more...)
	}
	return t
}

type asker struct {
	url    string
	signer note.Signer
}

func (a *asker) note(t *tree, size int64) string {
	root, err := tlog.TreeHash(size, t)
	die(err)
	text := torchwood.Checkpoint{Origin: a.signer.Name(), Tree: tlog.Tree{N: size, Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, a.signer)
	die(err)
	return string(signed)
}

func (a *asker) ask(t *tree, old, size int64, signed string) (int, string, string) {
	body := fmt.Sprintf("old %d\n", old)
	if old > 0 && old < size {
		proof, err := tlog.ProveTree(size, old, t)
		die(err)
		for _, h := range proof {
			body += h.String() + "\n"
		}
	}
	reply, err := http.Post(a.url+"/add-checkpoint", "", strings.NewReader(body+"\n"+signed))
	die(err)
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	die(err)
	return reply.StatusCode, reply.Header.Get("Content-Type"), string(answer)
}

func main() {
	fresh := flag.String("new", "", "make a log's key")
	skey := flag.String("skey", "", "the log's key")
	url := flag.String("url", "", "the witness")
	vkey := flag.String("vkey", "", "the witness's verifier key")
	flag.Parse()
	if *fresh != "" {
		s, v, err := note.GenerateKey(rand.Reader, *fresh)
		die(err)
		fmt.Printf("%s\n%s\n", s, v)
		return
	}
	signer, err := note.NewSigner(*skey)
	die(err)
	witness, err := torchwood.NewCosignatureVerifier(*vkey)
	ok(err == nil, "torchwood reads the witness's key (%v)", err)
	die(err)
	a, t, other := &asker{*url, signer}, grow(600, "entry"), grow(600, "other")
	status := func(old, size int64, t *tree, want int, what string) {
		got, _, text := a.ask(t, old, size, a.note(t, size))
		ok(got == want, "%d %s (%d %q)", want, what, got, text)
	}
	cosigned := func(old, size int64) {
		signed := a.note(t, size)
		got, _, lines := a.ask(t, old, size, signed)
		n, err := note.Open([]byte(signed+lines), note.VerifierList(witness))
		ok(got == 200 && err == nil && len(n.Sigs) == 1, "from %d to %d: a cosignature that torchwood verifies (%v)", old,
			size, err)
	}
	cosigned(0, 3)
	cosigned(3, 300)
	cosigned(300, 300)
	got, kind, text := a.ask(t, 3, 600, a.note(t, 600))
	ok(got == 409 && kind == "text/x.tlog.size" && text == "300\n", "409 and its size (%d %q)", got, text)
	status(300, 600, other, 422, "for another history")
	status(300, 300, other, 422, "for another root")
	status(301, 300, t, 400, "for an old size beyond")
	stranger, _, err := note.GenerateKey(rand.Reader, "stranger.example")
	die(err)
	a.signer, err = note.NewSigner(stranger)
	die(err)
	status(0, 3, t, 404, "for an unknown log")
	forged, _, err := note.GenerateKey(rand.Reader, signer.Name())
	die(err)
	a.signer, err = note.NewSigner(forged)
	die(err)
	status(300, 600, t, 403, "for another key of its name")
	a.signer = signer
	cosigned(300, 600)
	fmt.Printf("1..%d\n", checks)
	if failing > 0 {
		os.Exit(1)
	}
}
