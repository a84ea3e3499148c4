package preflight

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Reason is what the answer of a store means.
type Reason int

// The reasons. Those after Fine and before AccessDenied are definite: the configuration cannot work. The others leave it open.
const (
	Fine Reason = iota

	UnknownAccessKey // the store does not know the key
	UnusableKey      // the key is known, but expired, disabled, or of an account that may not use the store
	WrongSecret      // the signature does not match
	NoSuchBucket
	InvalidBucketName
	WrongRegion
	WriteDenied // the key may not put objects there

	AccessDenied // the key and the secret are right, but the key may not list; whether it may write is open
	WrongClock   // the clocks of the store and of this machine are too far apart
	Busy         // the store reports a fault of its own, or too many requests
	NotS3        // the answer is not one of S3's
	OtherRefusal // a refusal that is not known here
	Untrusted    // the certificate is not trusted by this machine; it may be by RyzeAPI
	NoAnswer     // the store cannot be reached from here; it may be from RyzeAPI
)

// Result is what a check has found.
type Result struct {
	Reason  Reason
	Status  int    // of the store's answer, 0 for none
	Code    string // of the store's error, may be empty
	Message string // of the store's error, or why there was no answer; printable
	Region  string // the right one, where the store names it

	LeftBehind    string // name of an object that the check has put, and could not delete
	LeftBehindWhy string

	mayBeThere bool // an object that was put may be there in spite of the result
}

// IsDefinite tells that the configuration cannot work as it is.
func (r Result) IsDefinite() bool { return r.Reason > Fine && r.Reason < AccessDenied }

func (r Result) said() string {
	if r.Code == "" {
		return r.Message
	}
	return r.Code + ": " + r.Message
}

// retryAfter is how long to wait before another attempt, 0 where none can help.
func (r Result) retryAfter() time.Duration {
	if r.Reason == UnknownAccessKey {
		return settlingPause
	}
	if r.Reason == Busy || r.Reason == NoAnswer {
		return retryPause
	}
	return 0
}

type operation int

const (
	reading operation = iota
	writing
	deleting
)

// maxAnswer is how much of an answer's body is read: a list of a thousand keys, from a store that takes no notice of how many it was asked for.
const maxAnswer = 1 << 20

// recorder keeps what a store answered, since the library's errors do not have all of it.
type recorder struct {
	base   http.RoundTripper
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // all that is wanted was read
	r.status, r.header = response.StatusCode, response.Header
	r.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	response.Body = io.NopCloser(bytes.NewReader(r.body))
	return response, err
}

// reasons are the codes whose meaning is the same for every operation: those of S3's own list of error codes, and those of stores that have more.
var reasons = map[string]Reason{
	"InvalidAccessKeyId":           UnknownAccessKey,
	"InvalidClientTokenId":         UnknownAccessKey,
	"AccessKeyDisabled":            UnusableKey,
	"ExpiredToken":                 UnusableKey,
	"InvalidToken":                 UnusableKey,
	"TokenRefreshRequired":         UnusableKey,
	"AccountProblem":               UnusableKey,
	"NotSignedUp":                  UnusableKey,
	"AllAccessDisabled":            UnusableKey,
	"UserSuspended":                UnusableKey, // Ceph
	"SignatureDoesNotMatch":        WrongSecret,
	"NoSuchBucket":                 NoSuchBucket,
	"InvalidBucketName":            InvalidBucketName,
	"InvalidRegion":                WrongRegion,
	"RequestTimeTooSkewed":         WrongClock,
	"RequestExpired":               WrongClock,
	"SlowDown":                     Busy,
	"SlowDownRead":                 Busy, // MinIO
	"SlowDownWrite":                Busy, // MinIO
	"ServiceUnavailable":           Busy,
	"InternalError":                Busy,
	"OperationAborted":             Busy,
	"RequestTimeout":               Busy,
	"TooManyRequests":              Busy,
	"XMinioServerNotInitialized":   Busy,
	"AuthorizationHeaderMalformed": UnknownAccessKey, // unless it is about the region
}

// classify says what an answer, or the error in place of one, means.
func classify(doing operation, answer *recorder, err error) Result {
	result := Result{Status: answer.status}
	switch {
	case err == nil && answer.isS3(doing):
		return result
	case answer.status == 0:
		result.Reason, result.Message = unreachable(err)
		result.mayBeThere = result.Reason == NoAnswer && doing == writing && !neverSent(err)
		return result
	case answer.status < 300:
		result.Reason, result.Message = NotS3, "the answer is not S3's"
		result.mayBeThere = doing == writing
		return result
	}
	var said struct {
		XMLName xml.Name
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
		Region  string `xml:"Region"`
	}
	if xml.Unmarshal(answer.body, &said) != nil || said.XMLName.Local != "Error" || said.Code == "" {
		said.Code, said.Message = "", http.StatusText(answer.status)
	}
	result.Code, result.Message, result.Region = printable(said.Code), printable(said.Message), printable(said.Region)
	if result.Region == "" {
		result.Region = printable(answer.header.Get("X-Amz-Bucket-Region"))
	}
	result.Reason = reason(doing, result)
	result.mayBeThere = result.Reason == Busy && doing == writing
	return result
}

// isS3 tells that a success is one of S3's: any web server might answer 200.
func (r *recorder) isS3(doing operation) bool {
	switch doing {
	case reading:
		var list struct {
			XMLName xml.Name `xml:"ListBucketResult"`
		}
		return xml.Unmarshal(r.body, &list) == nil
	case writing:
		return r.header.Get("ETag") != ""
	case deleting:
	}
	return true
}

func reason(doing operation, said Result) Reason {
	known, found := reasons[said.Code]
	aboutRegion := said.Region != "" || strings.Contains(strings.ToLower(said.Message), "region")
	switch {
	case aboutRegion && slices.Contains([]string{"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException"}, said.Code):
		return WrongRegion
	case found:
		return known
	case said.Code == "AccessDenied" && doing == writing:
		return WriteDenied
	case said.Code == "AccessDenied":
		return AccessDenied
	case said.Status >= 500 || said.Status == http.StatusTooManyRequests:
		return Busy
	case said.Code == "":
		return NotS3
	default:
		return OtherRefusal
	}
}

// unreachable says why there was no answer.
func unreachable(err error) (Reason, string) {
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Untrusted, printable(certificate.Err.Error())
	}
	if timeout, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout() {
		return NoAnswer, "no answer in time"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return NoAnswer, printable("the host " + dns.Name + " could not be looked up: " + dns.Err)
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return NoAnswer, printable(network.Error())
	}
	return NoAnswer, printable(err.Error())
}

// neverSent tells that the request did not leave this machine.
func neverSent(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// maxMessage is how much of a store's message a person is shown.
const maxMessage = 300

// printable makes a store's text safe for a terminal and short enough for a message.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage]) + "..."
	}
	return strings.TrimSpace(text)
}
