package preflight

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Reason is what a store's answer means.
type Reason int

// The reasons. Those after Fine and before AccessDenied are definite: the configuration cannot work. The others leave
// it open.
const (
	Fine Reason = iota

	UnknownAccessKey   // the store does not know the access key
	MalformedAccessKey // no access key of this store looks like this one
	TemporaryAccessKey // the access key needs a session token, which RyzeAPI has no field for
	UnusableKey        // the access key is known, but expired, disabled, or of an account that may not use the store
	WrongSecret        // the signature does not match; the store does not complain about the access key
	WrongKeyOrSecret   // the store does not say which, by its documentation or source
	NoSuchBucket
	InvalidBucketName
	BucketDisabled   // nobody may use a bucket of this name: mostly a name that belongs to somebody else
	WrongRegion      // the bucket, or the store, is in another region
	NoSuchRegion     // there is no region of this name
	WrongEndpoint    // the endpoint does not serve the bucket, or nothing at all
	BucketInEndpoint // the endpoint has a bucket's name in it
	ConsoleEndpoint  // the endpoint is the store's console
	WriteDenied      // the access key may not put objects under the prefix

	AccessDenied     // the access key may not list; the rest is not known, often not even whether the secret is right
	DeniedFromHere   // a policy denies it, which may be due to this machine's address or network
	PrefixSlash      // whether an object may be put depends on a slash at either end of the prefix
	PrefixRefused    // the store does not take names like that
	WrongClock       // the clocks of the store and of this machine are too far apart
	Busy             // the store reports a fault of its own, or too many requests
	GatewayFault     // a gateway in front of the store cannot talk to it
	Unsupported      // the store does not have what was asked for
	PathStyleRefused // the store wants the bucket in the host's name, so that it cannot be asked here
	RequestChanged   // something in between changed the request
	NeedsHTTPS       // http:// was asked for, and the other side speaks https
	NeedsHTTP        // https:// was asked for, and the other side speaks http
	NotS3            // the answer is not one of S3's
	OtherRefusal     // a refusal that this package does not know
	Untrusted        // the certificate is not trusted by this machine; it may be by RyzeAPI
	NoAnswer         // the store cannot be reached from here; it may be from RyzeAPI
)

var reasonNames = [...]string{
	Fine:               "Fine",
	UnknownAccessKey:   "UnknownAccessKey",
	MalformedAccessKey: "MalformedAccessKey",
	TemporaryAccessKey: "TemporaryAccessKey",
	UnusableKey:        "UnusableKey",
	WrongSecret:        "WrongSecret",
	WrongKeyOrSecret:   "WrongKeyOrSecret",
	NoSuchBucket:       "NoSuchBucket",
	InvalidBucketName:  "InvalidBucketName",
	BucketDisabled:     "BucketDisabled",
	WrongRegion:        "WrongRegion",
	NoSuchRegion:       "NoSuchRegion",
	WrongEndpoint:      "WrongEndpoint",
	BucketInEndpoint:   "BucketInEndpoint",
	ConsoleEndpoint:    "ConsoleEndpoint",
	WriteDenied:        "WriteDenied",
	AccessDenied:       "AccessDenied",
	DeniedFromHere:     "DeniedFromHere",
	PrefixSlash:        "PrefixSlash",
	PrefixRefused:      "PrefixRefused",
	WrongClock:         "WrongClock",
	Busy:               "Busy",
	GatewayFault:       "GatewayFault",
	Unsupported:        "Unsupported",
	PathStyleRefused:   "PathStyleRefused",
	RequestChanged:     "RequestChanged",
	NeedsHTTPS:         "NeedsHTTPS",
	NeedsHTTP:          "NeedsHTTP",
	NotS3:              "NotS3",
	OtherRefusal:       "OtherRefusal",
	Untrusted:          "Untrusted",
	NoAnswer:           "NoAnswer",
}

// String is the name of the constant.
func (r Reason) String() string {
	if r < 0 || int(r) >= len(reasonNames) {
		return "Reason(" + strconv.Itoa(int(r)) + ")"
	}
	return reasonNames[r]
}

// Suspects are the causes that an answer leaves possible, besides the one that its [Reason] names.
type Suspects uint8

// The suspects.
const (
	SuspectAccessKey Suspects = 1 << iota
	SuspectSecret
	SuspectRegion
	SuspectBucket
	SuspectEndpoint
	SuspectProxy // between here and the store, or in front of the store: it may rewrite the host, the path or a header
)

// Has reports whether all of the given suspects are among these.
func (s Suspects) Has(others Suspects) bool { return s&others == others }

// Result is what a check found. Its texts are the store's own unless stated otherwise, and printable.
type Result struct {
	Reason   Reason
	Suspects Suspects

	Status   int    // of the store's answer, 0 for none
	Code     string // of the store's error, may be empty
	Message  string // of the store's error, or why there was no answer
	Region   string // the right one, where the store names it
	Endpoint string // the one that the store names in place of the one that was asked, as the store writes it
	Action   string // that was denied, where the store names it, such as "s3:PutObject" or "kms:GenerateDataKey"

	// EndpointPart is the part of the endpoint to take away ([BucketInEndpoint]), or its path where [SuspectEndpoint] is
	// set.
	EndpointPart string
	// AllowedPrefix is the form of the prefix under which an object could be put ([PrefixSlash]).
	AllowedPrefix string
	// SignatureRight reports that the store recognised the access key and the secret, as its message shows. If it is
	// false, that is not known.
	SignatureRight bool

	LeftBehind        string // name of an object that the check has put, and could not delete
	LeftBehindVersion string // the version that is left, where a newer delete marker hides the object
	LeftBehindWhy     string

	mayBeThere bool   // an object that was put may be there in spite of the result
	version    string // of the object that was put
}

// IsDefinite reports that the configuration cannot work as it is.
func (r Result) IsDefinite() bool { return r.Reason > Fine && r.Reason < AccessDenied }

// IsAboutKey reports that the store does not accept the access key or the secret.
func (r Result) IsAboutKey() bool { return r.Reason > Fine && r.Reason < NoSuchBucket }

// IsKeyUnknown reports that the store may not know the access key. A new key takes seconds to be known everywhere.
func (r Result) IsKeyUnknown() bool {
	return r.Reason == UnknownAccessKey || r.Reason == WrongKeyOrSecret
}

// namesAFolder reports that the store says that the name of the object that was to be put is that of a folder. The name
// is random, so either the prefix is at fault, or it is a race: versitygw says so while a delete removes the folder.
func (r Result) namesAFolder() bool {
	return slices.Contains([]string{"ExistingObjectIsDirectory", "XMinioObjectExistsAsDirectory"}, r.Code)
}

func (r Result) said() string {
	if r.Code == "" {
		return r.Message
	}
	return r.Code + ": " + r.Message
}

// maySettle reports whether the answer may be due to a key, a policy or a bucket that is not known everywhere yet.
func (r Result) maySettle() bool {
	return r.Code == "TemporaryRedirect" || slices.Contains([]Reason{
		UnknownAccessKey, WrongKeyOrSecret, NoSuchBucket, AccessDenied, DeniedFromHere, WriteDenied,
	}, r.Reason)
}

// isAboutPrefix reports whether a list under another prefix may have another answer.
func (r Result) isAboutPrefix() bool {
	return r.Reason == AccessDenied || r.Reason == DeniedFromHere || r.Reason == PrefixRefused
}

// LeavesWriteOpen reports whether an object might be put, by what a list has found.
func (r Result) LeavesWriteOpen() bool {
	return slices.Contains([]Reason{Fine, AccessDenied, DeniedFromHere, Unsupported}, r.Reason)
}

// mayHangOnSlash reports whether another slash in the name might help an object that could not be put.
func (r Result) mayHangOnSlash() bool {
	return r.Reason == PrefixRefused || r.Reason == WriteDenied && !strings.HasPrefix(r.Action, "kms:")
}

// classify says what an answer, or the error in place of one, means.
func (c *Checker) classify(ctx context.Context, target Target, doing operation, got answer, err error) Result {
	if err != nil {
		return c.unreachable(ctx, target, doing, err)
	}
	said := parse(got.body)
	if got.status < 300 && said.root != "Error" {
		if got.isS3(doing, said) {
			return Result{Status: got.status, version: got.header.Get("X-Amz-Version-Id")}
		}
		return Result{
			Reason: NotS3, Status: got.status, Message: "the answer is not S3's", mayBeThere: doing == writing,
		}
	}
	result := Result{
		Status: got.status, Code: printable(said.Code), Message: printable(said.text()),
		mayBeThere: doing == writing && (got.status >= 500 || got.status < 300),
	}
	if said.Code == "" {
		result.Message = got.withoutCode(target, &result)
		if result.Reason != Fine {
			return result
		}
	}
	found := meaningOf(got, said)
	result.Reason, result.Suspects, result.SignatureRight = found.means, found.suspects, found.proves
	if match := actionPattern.FindStringSubmatch(said.text()); match != nil {
		result.Action = printable(strings.Join(match[1:], ""))
	}
	result.fit(target, doing, got, said)
	return result
}

// isS3 reports whether a success is one of S3's: any web server might answer 200.
func (a answer) isS3(doing operation, said document) bool {
	switch doing {
	case reading:
		return said.root == "ListBucketResult"
	case writing:
		return a.header.Get("ETag") != ""
	case deleting:
	}
	return true
}

var (
	plainToTLS = regexp.MustCompile(`(?i)HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|` +
		`speaking plain HTTP to an SSL-enabled`)
	// actionPattern finds the action in denials by AWS and Google.
	actionPattern = regexp.MustCompile(`perform: "?([a-zA-Z0-9-]+:[a-zA-Z]+)|does not have (storage\.[a-zA-Z.]+)`)
)

// withoutCode explains an answer that is not an S3 error, as far as possible. It always returns a text.
func (a answer) withoutCode(target Target, result *Result) string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	if strings.HasPrefix(strings.ToLower(target.Endpoint), "http:") && plainToTLS.Match(a.body) {
		result.Reason = NeedsHTTPS
		return "the endpoint speaks https"
	}
	location, err := url.Parse(a.header.Get("Location"))
	if a.status/100 != 3 || err != nil || location.Host == "" {
		return "the answer is " + status + ", and not S3's"
	}
	result.Reason = NotS3
	if endpoint, err := target.endpoint(); err == nil && endpoint.Scheme == "http" && location.Scheme == "https" &&
		strings.EqualFold(endpoint.Hostname(), location.Hostname()) {
		result.Reason = NeedsHTTPS
	}
	result.Endpoint = printable(location.Scheme + "://" + location.Host)
	return "the answer is a redirect to " + result.Endpoint
}

// fit adapts the meaning of a row to this target.
func (r *Result) fit(target Target, doing operation, got answer, said document) {
	path := target.path()
	switch r.Reason { //nolint:exhaustive // the others mean the same for every target
	case AccessDenied:
		if doing == writing {
			r.Reason = WriteDenied
		} else if path != "" {
			r.Suspects, r.EndpointPart = r.Suspects|SuspectEndpoint, path
		}
		// MinIO and SeaweedFS deny what the key's rights do not name, whether or not there is such a bucket; AWS tells
		// the two apart.
		if !target.IsAWS() {
			r.Suspects |= SuspectBucket
		}
	case UnknownAccessKey, UnusableKey, MalformedAccessKey:
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
		if strings.HasPrefix(target.AccessKey, "ASIA") {
			r.Reason = TemporaryAccessKey
		}
	case WrongSecret, WrongKeyOrSecret:
		r.Suspects |= SuspectSecret
		if !target.IsAWS() {
			r.Suspects |= SuspectAccessKey | SuspectProxy
		}
		if path != "" {
			r.Suspects, r.EndpointPart = r.Suspects|SuspectEndpoint, path
		}
	case NoSuchBucket:
		if path != "" {
			r.Suspects, r.EndpointPart = r.Suspects|SuspectEndpoint, path
		}
	case BucketInEndpoint:
		r.fitNoSuchKey(target, doing)
	case WrongRegion, WrongEndpoint, NoSuchRegion:
		r.fitRegion(target, got, said)
	case OtherRefusal:
		// Nothing is put unless a list has worked, or was denied. So the store may have something against the name.
		if doing == writing && got.status == http.StatusBadRequest && !plainPrefix.MatchString(target.PathPrefix) {
			r.Reason = PrefixRefused
		}
	case NotS3:
		if path != "" {
			r.Suspects, r.EndpointPart = r.Suspects|SuspectEndpoint, path
		}
	}
}

// fitNoSuchKey handles a store that reports a missing object. In answer to a list, it means that the endpoint already
// contains a bucket, so that the store takes the configured bucket for an object.
func (r *Result) fitNoSuchKey(target Target, doing operation) {
	r.EndpointPart = target.bucketInEndpoint()
	switch {
	case doing == deleting:
		r.Reason = Fine // it is gone
	case doing == writing || r.EndpointPart == "":
		r.Reason = OtherRefusal
	}
}

var (
	expectedRegion = regexp.MustCompile(`expecting ['"]?([a-zA-Z0-9-]+)|expected: '[0-9]+/([^/']+)/`)
	regionInHost   = regexp.MustCompile(`(?:^|\.)s3[.-](?:dualstack\.)?([a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.amazonaws\.com`)
)

// fitRegion finds the right region and endpoint in what the store says.
func (r *Result) fitRegion(target Target, got answer, said document) {
	r.Endpoint = printable(said.Endpoint)
	r.Region = said.Region
	if r.Region == "" {
		r.Region = got.header.Get("X-Amz-Bucket-Region")
	}
	for _, pattern := range []struct {
		in string
		of *regexp.Regexp
	}{{said.Message, expectedRegion}, {said.Endpoint, regionInHost}} {
		if match := pattern.of.FindStringSubmatch(pattern.in); match != nil && r.Region == "" {
			r.Region = strings.Join(match[1:], "")
		}
	}
	r.Region = printable(r.Region)
	if r.Reason == NoSuchRegion {
		if strings.HasSuffix(strings.TrimRight(said.Message, "."), ", auto") {
			r.Region = "auto" // Cloudflare R2: https://developers.cloudflare.com/r2/api/s3/api/#bucket-region
		}
		return
	}
	isGlobal := slices.Contains([]string{"s3.amazonaws.com", "s3-external-1.amazonaws.com"}, target.host())
	switch {
	case target.Endpoint == "":
		r.Reason = WrongRegion // the endpoint follows from it
	case isGlobal && r.Reason == WrongRegion:
		// The region is this endpoint's own, not the bucket's: setting it would only lead to the opposite error.
		r.Reason, r.Region = WrongEndpoint, ""
		r.Suspects |= SuspectRegion
	}
}

// host is the endpoint's, without its port, or empty.
func (t Target) host() string {
	if endpoint, err := t.endpoint(); err == nil {
		return strings.ToLower(endpoint.Hostname())
	}
	return ""
}

// path is the endpoint's, without slashes at its end, or empty.
func (t Target) path() string {
	if t.Endpoint == "" {
		return ""
	}
	if endpoint, err := t.endpoint(); err == nil {
		return printable(strings.TrimRight(endpoint.Path, "/"))
	}
	return ""
}

// bucketInEndpoint is the part of an endpoint that may be taken for a bucket, or empty.
func (t Target) bucketInEndpoint() string {
	path := t.path()
	switch {
	case t.Endpoint == "":
		return ""
	case strings.HasSuffix(path, "/"+t.Bucket):
		return "/" + t.Bucket
	case path != "":
		return path
	case strings.HasPrefix(t.host(), strings.ToLower(t.Bucket)+"."):
		return t.Bucket + "."
	}
	return ""
}

// unreachable returns why there was no answer.
func (c *Checker) unreachable(ctx context.Context, target Target, doing operation, err error) Result {
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return Result{Reason: Untrusted, Message: printable(certificate.Err.Error())}
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(record.RecordHeader[:]) == "HTTP/" {
		return Result{Reason: NeedsHTTP, Message: "the endpoint speaks http"}
	}
	// What a TLS server says to plain HTTP is an alert: RFC 8446, section 6.
	if strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`) {
		return Result{Reason: NeedsHTTPS, Message: "the endpoint speaks https"}
	}
	if errors.Is(err, errNoSuchRegion) {
		return Result{Reason: NoSuchRegion, Message: err.Error()}
	}
	if errors.Is(err, errNoSuchBuckets) {
		return Result{Reason: InvalidBucketName, Message: err.Error()}
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	if isDNS && dns.IsNotFound && target.Endpoint == "" && c.canLookUpAWS(ctx) {
		return Result{Reason: NoSuchRegion, Message: printable("there is no host " + dns.Name)}
	}
	result := Result{Reason: NoAnswer, mayBeThere: doing == writing && !neverSent(err)}
	timeout, isNet := errors.AsType[net.Error](err)
	network, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isDNS:
		result.Message = printable("the host " + dns.Name + " could not be looked up: " + dns.Err)
	case errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout():
		result.Message = "no answer in time"
	case isOp:
		result.Message = printable(network.Error())
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		result.Message = "the connection was closed without an answer"
	default:
		result.Message = printable(err.Error())
	}
	return result
}

// canLookUpAWS reports whether this machine finds hosts of AWS at all. Every region has one, whatever the bucket.
func (c *Checker) canLookUpAWS(ctx context.Context) bool {
	_, err := c.lookup(ctx, "s3.amazonaws.com")
	return err == nil
}

// neverSent reports whether the request did not leave this machine.
func neverSent(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// maxMessage is how much of a store's message a person is shown.
const maxMessage = 300

// printable makes a store's text safe for a terminal and short enough for a message.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage]) + "..."
	}
	return strings.TrimSpace(text)
}
