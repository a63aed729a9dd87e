// Verifies what Rempart publishes with the reference implementation of transparency logs, and nothing of ours:
// golang.org/x/mod/sumdb/{tlog,note}, as Debian packages it (golang-golang-x-mod-dev).
//
// Reads one JSON case a line and answers one line each: "ok", or "refused: why".
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Case is one question. Hashes are base64.
type Case struct {
	Kind    string   `json:"kind"` // inclusion, consistency, note, cosignature, tiles, path
	Proof   []string `json:"proof"`
	Index   int64    `json:"index"`
	OldSize int64    `json:"old_size"`
	Size    int64    `json:"size"`
	OldRoot string   `json:"old_root"`
	Root    string   `json:"root"`
	Leaf    string   `json:"leaf"`
	Note    string   `json:"note"`
	Vkey    string   `json:"vkey"`
	URL     string   `json:"url"`
	Indexes []int64  `json:"indexes"`
	Path    string   `json:"path"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var c Case
		err := json.Unmarshal(lines.Bytes(), &c)
		if err == nil {
			err = judge(c)
		}
		if err != nil {
			fmt.Fprintf(out, "refused: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
}

func judge(c Case) error {
	switch c.Kind {
	case "inclusion":
		proof, err := hashes(c.Proof)
		if err != nil {
			return err
		}
		pair, err := hashes([]string{c.Root, c.Leaf})
		if err != nil {
			return err
		}
		if c.Index < 0 || c.Index >= c.Size {
			return errors.New("no such leaf")
		}
		return tlog.CheckRecord(tlog.RecordProof(proof), c.Size, pair[0], c.Index, pair[1])
	case "consistency":
		proof, err := hashes(c.Proof)
		if err != nil {
			return err
		}
		pair, err := hashes([]string{c.OldRoot, c.Root})
		if err != nil {
			return err
		}
		if c.OldSize < 1 || c.OldSize > c.Size {
			return errors.New("no such sizes")
		}
		return tlog.CheckTree(tlog.TreeProof(proof), c.Size, pair[1], c.OldSize, pair[0])
	case "note":
		_, err := openCheckpoint(c)
		return err
	case "cosignature":
		return checkCosignature(c)
	case "tiles":
		return readTiles(c)
	case "path":
		return checkPath(c)
	}
	return errors.New("unknown kind")
}

func hashes(encoded []string) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(encoded))
	for _, one := range encoded {
		h, err := tlog.ParseHash(one)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// openCheckpoint verifies a note with the log's key and reads its three lines.
func openCheckpoint(c Case) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(c.Vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	return parseCheckpoint(opened.Text, verifier.Name())
}

func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return tlog.Tree{}, errors.New("no size")
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// cosigner verifies C2SP cosignature/v1 lines as a note.Verifier: the reference knows only plain signatures.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func (v cosigner) Name() string    { return v.name }
func (v cosigner) KeyHash() uint32 { return v.id }
func (v cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	time := binary.BigEndian.Uint64(sig[:8])
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return time > 0 && ed25519.Verify(v.key, []byte(signed), sig[8:])
}

func parseCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a vkey")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return nil, errors.New("not a cosigner's key")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(digest[:4]) != parts[1] {
		return nil, errors.New("the id is not the key's")
	}
	return cosigner{parts[0], binary.BigEndian.Uint32(digest[:4]), ed25519.PublicKey(key[1:])}, nil
}

func checkCosignature(c Case) error {
	verifier, err := parseCosigner(c.Vkey)
	if err != nil {
		return err
	}
	_, err = note.Open([]byte(c.Note), note.VerifierList(verifier))
	return err
}

// httpTiles reads C2SP tiles, whose paths have no height, over HTTP.
type httpTiles struct{ url string }

func (t httpTiles) Height() int                         { return 8 }
func (t httpTiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t httpTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, err := get(t.url + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %d", url, answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}

// readTiles fetches the published checkpoint, and proves leaves and older sizes from tiles alone. The reference
// checks every tile it reads against the signed root.
func readTiles(c Case) error {
	message, err := get(c.URL + "/checkpoint")
	if err != nil {
		return err
	}
	c.Note = string(message)
	tree, err := openCheckpoint(c)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, httpTiles{c.URL})
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil || root != tree.Hash {
		return fmt.Errorf("the tiles lead to another root: %v", err)
	}
	for _, index := range c.Indexes {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return err
		}
		older, err := tlog.TreeHash(index+1, reader)
		if err != nil {
			return err
		}
		consistency, err := tlog.ProveTree(tree.N, index+1, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(consistency, tree.N, tree.Hash, index+1, older); err != nil {
			return err
		}
	}
	return nil
}

// checkPath reads a tile's address and writes it again.
func checkPath(c Case) error {
	tile, err := tlog.ParseTilePath("tile/8/" + c.Path)
	if err != nil {
		return err
	}
	if !bytes.Equal([]byte(tile.Path()), []byte("tile/8/"+c.Path)) {
		return errors.New("written otherwise")
	}
	return nil
}
