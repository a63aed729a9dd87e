// A witness (C2SP tlog-witness, add-checkpoint) whose every decision is the reference implementation's: notes by
// golang.org/x/mod/sumdb/note, consistency by tlog.CheckTree. It shares no code with Rempart.
//
//	witness LOG_VKEY...
//
// It draws a key, prints "<its vkey> <its url>", and answers until its standard input is closed. State is in memory.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const name = "go.witness.example/w"

type witness struct {
	sync.Mutex
	key  ed25519.PrivateKey
	id   [4]byte
	logs map[string]note.Verifier
	seen map[string]tlog.Tree
}

func main() {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(err)
	w := &witness{key: private, logs: map[string]note.Verifier{}, seen: map[string]tlog.Tree{}}
	encoded := append([]byte{4}, public...)
	digest := sha256.Sum256(append([]byte(name+"\n"), encoded...))
	copy(w.id[:], digest[:4])
	for _, vkey := range os.Args[1:] {
		verifier, err := note.NewVerifier(vkey)
		check(err)
		w.logs[verifier.Name()] = verifier
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("%s+%x+%s http://%s\n", name, w.id, base64.StdEncoding.EncodeToString(encoded), listener.Addr())
	http.HandleFunc("/add-checkpoint", w.serve)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	check(http.Serve(listener, nil))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (w *witness) serve(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(io.LimitReader(in.Body, 1<<16))
	if err != nil || in.Method != "POST" {
		http.Error(out, "bad request", 400)
		return
	}
	w.Lock()
	defer w.Unlock()
	status, answer := w.decide(string(body))
	if status == 409 {
		out.Header().Set("Content-Type", "text/x.tlog.size")
	}
	out.WriteHeader(status)
	io.WriteString(out, answer)
}

func (w *witness) decide(body string) (int, string) {
	cut := strings.Index(body, "\n\n")
	if cut < 0 || !strings.HasPrefix(body, "old ") {
		return 400, "malformed\n"
	}
	head, message := strings.Split(body[:cut], "\n"), body[cut+2:]
	old, err := strconv.ParseInt(strings.TrimPrefix(head[0], "old "), 10, 64)
	if err != nil || old < 0 || len(head) > 64 {
		return 400, "malformed\n"
	}
	origin := strings.SplitN(message, "\n", 2)[0]
	verifier, known := w.logs[origin]
	if !known {
		return 404, "unknown log\n"
	}
	opened, err := note.Open([]byte(message), note.VerifierList(verifier))
	if err != nil {
		return 403, err.Error() + "\n"
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return 400, "malformed\n"
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || old > size {
		return 400, "malformed\n"
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return 400, "malformed\n"
	}
	latest := w.seen[origin]
	if old != latest.N {
		return 409, fmt.Sprintf("%d\n", latest.N)
	}
	var proof tlog.TreeProof
	for _, line := range head[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 400, "malformed\n"
		}
		proof = append(proof, hash)
	}
	switch {
	case old == 0 && len(proof) > 0:
		return 422, "nothing to prove\n"
	case old == 0:
	case old == size:
		if root != latest.Hash || len(proof) > 0 {
			return 422, "two roots\n"
		}
	default:
		if err := tlog.CheckTree(proof, size, root, old, latest.Hash); err != nil {
			return 422, err.Error() + "\n"
		}
	}
	w.seen[origin] = tlog.Tree{N: size, Hash: root}
	return 200, w.cosign(opened.Text)
}

func (w *witness) cosign(text string) string {
	now := time.Now().Unix()
	signature := ed25519.Sign(w.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, text)))
	value := append([]byte{}, w.id[:]...)
	value = binary.BigEndian.AppendUint64(value, uint64(now))
	value = append(value, signature...)
	return fmt.Sprintf("\u2014 %s %s\n", name, base64.StdEncoding.EncodeToString(value))
}
