// SPDX-License-Identifier: Apache-2.0

// Tree judges a running log with golang.org/x/mod's note and tlog, which know nothing of Counterfoil:
// the checkpoint's signature, the tree over all entries, every tile of every width that the
// log publishes, inclusion proofs (C2SP tlog-proof) and consistency proofs.
//
//	tree -url http://127.0.0.1:8080 -vkey NAME+ID+KEY
//
// Each check prints one TAP line; the exit code is 1 if any failed.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

var (
	base            = flag.String("url", "", "the market's URL, without /log")
	vkey            = flag.String("vkey", "", "verifier key of the log")
	checks, failing int
)

func ok(good bool, format string, args ...interface{}) bool {
	checks++
	word := "ok"
	if !good {
		word = "not ok"
		failing++
	}
	fmt.Printf("%s %d - %s\n", word, checks, fmt.Sprintf(format, args...))
	return good
}

func die(err error) {
	if err != nil {
		fmt.Printf("Bail out! %v\n", err)
		os.Exit(1)
	}
}

func get(path string) (int, []byte) {
	reply, err := http.Get(*base + path)
	die(err)
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	die(err)
	return reply.StatusCode, body
}

// checkpoint is the three lines of C2SP tlog-checkpoint, opened with the key.
func checkpoint(signed []byte, verifiers note.Verifiers, origin string) (tlog.Tree, error) {
	opened, err := note.Open(signed, verifiers)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not three lines of origin %s: %q", origin, opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("size %q", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("root %q", lines[2])
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// tilePath is the path of C2SP tlog-tiles, which is not that of the Go checksum database.
func tilePath(level string, n int64, w int) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if w < width {
		path = fmt.Sprintf("%s.p/%d", path, w)
	}
	return "/log/tile/" + level + "/" + path
}

func bundle(n int64, w int) ([][]byte, error) {
	status, body := get(tilePath("entries", n, w))
	if status != 200 {
		return nil, fmt.Errorf("bundle %d.p/%d: status %d", n, w, status)
	}
	var entries [][]byte
	for len(body) > 0 {
		if len(body) < 2 || len(body) < 2+int(binary.BigEndian.Uint16(body)) {
			return nil, fmt.Errorf("bundle %d: cut short", n)
		}
		size := 2 + int(binary.BigEndian.Uint16(body))
		entries = append(entries, body[2:size])
		body = body[size:]
	}
	if len(entries) != w {
		return nil, fmt.Errorf("bundle %d: %d entries, not %d", n, len(entries), w)
	}
	return entries, nil
}

// mirror is the log as we re-derive it: every stored hash of tlog, from the entries alone.
type mirror struct {
	hashes  []tlog.Hash
	entries [][]byte
}

func (m *mirror) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(m.hashes)) {
			return nil, fmt.Errorf("no hash %d", at)
		}
		out[i] = m.hashes[at]
	}
	return out, nil
}

func (m *mirror) add(entry []byte) error {
	more, err := tlog.StoredHashes(int64(len(m.entries)), entry, m)
	if err == nil {
		m.hashes = append(m.hashes, more...)
		m.entries = append(m.entries, entry)
	}
	return err
}

func (m *mirror) read(size int64) error {
	for at := int64(0); at < size; {
		w := int64(width)
		if size-at < w {
			w = size - at
		}
		entries, err := bundle(at/width, int(w))
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := m.add(entry); err != nil {
				return err
			}
		}
		at += w
	}
	return nil
}

// tile is what a tile of this level, number and width must hold.
func (m *mirror) tile(level int, n int64, w int) []byte {
	var out []byte
	for i := int64(0); i < int64(w); i++ {
		h := m.hashes[tlog.StoredHashIndex(8*level, n*width+i)]
		out = append(out, h[:]...)
	}
	return out
}

func checkTiles(m *mirror, size int64) {
	wrong, seen := 0, 0
	for level, count := 0, size; count > 0; level, count = level+1, count/width {
		for n := int64(0); n*width < count; n++ {
			last := count - n*width
			if last > width {
				last = width
			}
			for w := int64(1); w <= last; w++ {
				if w > 3 && w < last-2 && w%37 != 0 {
					continue
				}
				status, body := get(tilePath(strconv.Itoa(level), n, int(w)))
				seen++
				if status != 200 || !bytes.Equal(body, m.tile(level, n, int(w))) {
					wrong++
				}
			}
		}
	}
	ok(wrong == 0, "%d tiles, full and of many partial widths, hold the hashes of the entries (%d wrong)", seen, wrong)

	for n := int64(0); n*width < size; n++ {
		for _, w := range []int64{1, 100, 255, width} {
			if n*width+w > size {
				continue
			}
			entries, err := bundle(n, int(w))
			for i := 0; err == nil && i < len(entries); i++ {
				if !bytes.Equal(entries[i], m.entries[n*width+int64(i)]) {
					err = fmt.Errorf("entry %d differs", n*width+int64(i))
				}
			}
			ok(err == nil, "bundle %d of width %d (%v)", n, w, err)
		}
	}
}

func checkRefusals(size int64) {
	last, w := size/width, int(size%width)
	paths := map[string]string{
		"beyond the size": tilePath("0", last, w+1), "a bundle beyond the size": tilePath("entries", last, w+1),
		"a whole tile not there": tilePath("0", last, width), "width 0": "/log/tile/0/000.p/0",
		"width 256": "/log/tile/0/000.p/256", "an unpadded number": "/log/tile/0/0", "level 64": "/log/tile/64/000",
		"a leading zero": "/log/tile/00/000", "width 01": "/log/tile/0/000.p/01", "x000/000": "/log/tile/0/x000/000",
	}
	for what, path := range paths {
		if w == width-1 && strings.Contains(path, ".p/256") {
			continue
		}
		status, _ := get(path)
		ok(status == 404, "%s (%s) is not found (%d)", what, path, status)
	}
}

// tlogProof takes apart C2SP tlog-proof v1.
func tlogProof(body []byte) (index int64, proof tlog.RecordProof, signed []byte, err error) {
	head, signed, found := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return 0, nil, nil, fmt.Errorf("not a tlog-proof: %q", body)
	}
	index, err = strconv.ParseInt(lines[1][len("index "):], 10, 64)
	if err != nil {
		return 0, nil, nil, err
	}
	proof, err = hashes(lines[2:])
	return index, proof, signed, err
}

func hashes(lines []string) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, line := range lines {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("hash %q", line)
		}
		var h tlog.Hash
		copy(h[:], raw)
		out = append(out, h)
	}
	return out, nil
}

func checkProofs(m *mirror, verifiers note.Verifiers, origin string) {
	size := int64(len(m.entries))
	for _, index := range []int64{0, 1, 2, size / 3, 254, 255, 256, 257, size / 2, size - 2, size - 1} {
		if index < 0 || index >= size {
			continue
		}
		_, body := get(fmt.Sprintf("/v1/entries/%d/proof", index))
		at, proof, signed, err := tlogProof(body)
		var tree tlog.Tree
		if err == nil {
			tree, err = checkpoint(signed, verifiers, origin)
		}
		leaf := tlog.RecordHash(m.entries[index])
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf)
		}
		ok(err == nil && at == index, "entry %d is included by its tlog-proof (%v)", index, err)
		leaf[0] ^= 1
		ok(err != nil || tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf) != nil, "and another entry is not")
	}
}

func checkConsistency(m *mirror) {
	size := int64(len(m.entries))
	root := func(n int64) tlog.Hash {
		h, err := tlog.TreeHash(n, m)
		die(err)
		return h
	}
	pairs := [][2]int64{
		{1, 2}, {1, size}, {2, 3}, {255, 256}, {256, 257}, {size / 2, size}, {size - 1, size}, {size / 3, size / 2},
	}
	for _, p := range pairs {
		if p[0] < 1 || p[1] > size || p[0] >= p[1] {
			continue
		}
		_, body := get(fmt.Sprintf("/v1/log/consistency?from=%d&to=%d", p[0], p[1]))
		var answer struct {
			Proof []string `json:"proof"`
		}
		err := json.Unmarshal(body, &answer)
		var proof []tlog.Hash
		if err == nil {
			proof, err = hashes(answer.Proof)
		}
		if err == nil {
			err = tlog.CheckTree(proof, p[1], root(p[1]), p[0], root(p[0]))
		}
		ok(err == nil, "tree of %d extends tree of %d (%v)", p[1], p[0], err)
		other := root(p[0])
		other[31] ^= 1
		ok(err != nil || tlog.CheckTree(proof, p[1], root(p[1]), p[0], other) != nil, "and not another tree of %d", p[0])
	}
}

func main() {
	flag.Parse()
	verifier, err := note.NewVerifier(*vkey)
	die(err)
	verifiers := note.VerifierList(verifier)
	status, signed := get("/log/checkpoint")
	ok(status == 200, "the checkpoint is served")
	tree, err := checkpoint(signed, verifiers, verifier.Name())
	ok(err == nil, "its signature verifies (%v)", err)
	die(err)
	forged := bytes.Replace(signed, []byte(fmt.Sprintf("\n%d\n", tree.N)), []byte(fmt.Sprintf("\n%d\n", tree.N+1)), 1)
	_, err = checkpoint(forged, verifiers, verifier.Name())
	ok(err != nil, "and not over another size")
	ok(tree.N > 300, "the log is long enough to have full and partial tiles: %d entries", tree.N)

	var m mirror
	err = m.read(tree.N)
	ok(err == nil, "every entry is served in bundles (%v)", err)
	die(err)
	root, err := tlog.TreeHash(tree.N, &m)
	ok(err == nil && root == tree.Hash, "the entries hash to the signed root")

	checkTiles(&m, tree.N)
	checkRefusals(tree.N)
	checkProofs(&m, verifiers, verifier.Name())
	checkConsistency(&m)
	fmt.Printf("1..%d\n", checks)
	if failing > 0 {
		os.Exit(1)
	}
}
