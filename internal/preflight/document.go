package preflight

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// document is the body of an answer, if it is XML.
type document struct {
	root     string // name of the root element; "Error" also where that is inside an ErrorResponse
	Code     string
	Message  string
	Details  string // of Google Cloud Storage, which has the message proper here
	Region   string
	Endpoint string
}

// text is the part that is meant for people.
func (d document) text() string {
	if d.Details == "" {
		return d.Message
	}
	return strings.TrimSpace(d.Message + " " + d.Details)
}

// parse reads a body. Of a list, only the root is read: a key may have characters in it that XML does not allow.
func parse(body []byte) document {
	decoder := xml.NewDecoder(bytes.NewReader(withoutControls(toUTF8(body))))
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // it is UTF-8 by now
	for wrapped := false; ; {
		token, err := decoder.Token()
		if err != nil {
			return document{}
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
			continue
		case start.Name.Local == "ErrorResponse":
			wrapped = true
			continue
		case start.Name.Local != "Error" && wrapped:
			_ = decoder.Skip() // the next token has the error, if there is one
			continue
		case start.Name.Local != "Error":
			return document{root: start.Name.Local}
		}
		said := document{root: "Error"}
		_ = decoder.DecodeElement(&said, &start) // keeps what precedes a mistake
		said.root, said.Code = "Error", strings.TrimSpace(said.Code)
		return said
	}
}

var encodingLabel = regexp.MustCompile(`^\s*<\?xml[^>]*\sencoding=["']([^"']+)["']`)

// toUTF8 converts a document. What is neither UTF-8 nor UTF-16 is read as ISO 8859-1: codes are ASCII in all of them.
func toUTF8(body []byte) []byte {
	for mark, order := range map[string]binary.ByteOrder{"\xfe\xff": binary.BigEndian, "\xff\xfe": binary.LittleEndian} {
		if rest, found := bytes.CutPrefix(body, []byte(mark)); found {
			units := make([]uint16, len(rest)/2)
			for i := range units {
				units[i] = order.Uint16(rest[2*i:])
			}
			return []byte(string(utf16.Decode(units)))
		}
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	label := encodingLabel.FindSubmatch(body[:min(len(body), 200)])
	if utf8.Valid(body) || label == nil || strings.EqualFold(string(label[1]), "utf-8") {
		return bytes.ToValidUTF8(body, []byte("?"))
	}
	runes := make([]rune, len(body))
	for i, b := range body {
		runes[i] = rune(b)
	}
	return []byte(string(runes))
}

var controlReference = regexp.MustCompile(`&#(0*([0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*([0-8bBcCeEfF]|1[0-9a-fA-F]));`)

// withoutControls replaces the characters that XML does not allow (https://www.w3.org/TR/xml/#charsets).
func withoutControls(body []byte) []byte {
	body = bytes.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
			return '?'
		}
		return r
	}, body)
	return controlReference.ReplaceAll(body, []byte("?"))
}
