package sbom

import (
	"bytes"
	"crypto/sha1" // what UUIDs of version 5 are made with
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// home is where the buildpack is; identifiers that have to be of somebody begin with it.
const home = "https://github.com/Scalingo/go-cnb"

// encode is a document as JSON with an end of line, indented for people.
func encode(document any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// hash is 16 hexadecimal digits of what parts are, for identifiers.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// namespaceURL is the name space of URLs (RFC 9562, section 6.6).
var namespaceURL = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// uuid is the UUID of version 5 of a document (RFC 9562, section 5.5): equal documents have equal ones.
func uuid(document []byte) string {
	h := sha1.New()
	h.Write(namespaceURL[:])
	h.Write([]byte(home + "\n"))
	h.Write(document)
	id := h.Sum(nil)[:16]
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// timestamp is a time as all formats want it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
