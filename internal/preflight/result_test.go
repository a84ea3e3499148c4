package preflight

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// xmlError is an error as S3 writes it.
func xmlError(code, message, more string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message>" + more + "<RequestId>4442587FB7D0A2F9</RequestId></Error>"
}

// refusals are answers as the stores give them.
var refusals = map[string]struct {
	doing        operation
	status       int
	headerRegion string
	body         string
	want         Reason
	region       string
}{
	"AWS, unknown key":        {reading, 403, "", xmlError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "<AWSAccessKeyId>AKIA</AWSAccessKeyId>"), UnknownAccessKey, ""},
	"AWS, wrong secret":       {reading, 403, "", xmlError("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", "<StringToSign>x</StringToSign>"), WrongSecret, ""},
	"AWS, no bucket":          {reading, 404, "", xmlError("NoSuchBucket", "The specified bucket does not exist", "<BucketName>media</BucketName>"), NoSuchBucket, ""},
	"AWS, invalid bucket":     {reading, 400, "", xmlError("InvalidBucketName", "The specified bucket is not valid.", ""), InvalidBucketName, ""},
	"AWS, wrong region":       {reading, 400, "eu-west-1", xmlError("AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "<Region>eu-west-1</Region>"), WrongRegion, "eu-west-1"},
	"AWS, redirect":           {reading, 301, "eu-central-1", xmlError("PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint.", "<Endpoint>media.s3.eu-central-1.amazonaws.com</Endpoint>"), WrongRegion, "eu-central-1"},
	"AWS, temporary redirect": {reading, 307, "ap-south-1", xmlError("TemporaryRedirect", "Please re-send this request to the specified temporary endpoint.", ""), WrongRegion, "ap-south-1"},
	"AWS, location":           {writing, 400, "", xmlError("IllegalLocationConstraintException", "The eu-south-1 location constraint is incompatible for the region specific endpoint", ""), WrongRegion, ""},
	"AWS, expired":            {reading, 400, "", xmlError("ExpiredToken", "The provided token has expired.", ""), UnusableKey, ""},
	"AWS, session key":        {reading, 400, "", xmlError("InvalidToken", "The provided token is malformed or otherwise invalid.", ""), UnusableKey, ""},
	"AWS, account":            {reading, 403, "", xmlError("AccountProblem", "There is a problem with your AWS account", ""), UnusableKey, ""},
	"AWS, not signed up":      {reading, 403, "", xmlError("NotSignedUp", "Your account is not signed up for the Amazon S3 service.", ""), UnusableKey, ""},
	"AWS, may not list":       {reading, 403, "", xmlError("AccessDenied", "User: arn:aws:iam::123:user/x is not authorized to perform: s3:ListBucket", ""), AccessDenied, ""},
	"AWS, may not put":        {writing, 403, "", xmlError("AccessDenied", "User: arn:aws:iam::123:user/x is not authorized to perform: s3:PutObject", ""), WriteDenied, ""},
	"AWS, clock":              {reading, 403, "", xmlError("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", ""), WrongClock, ""},
	"AWS, slow down":          {reading, 503, "", xmlError("SlowDown", "Please reduce your request rate.", ""), Busy, ""},
	"AWS, internal":           {reading, 500, "", xmlError("InternalError", "We encountered an internal error. Please try again.", ""), Busy, ""},
	"AWS, odd key":            {reading, 400, "", xmlError("AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential is mal-formed", ""), UnknownAccessKey, ""},
	"AWS, new code":           {reading, 400, "", xmlError("SomethingNew", "It is new.", ""), OtherRefusal, ""},
	"MinIO, unknown key":      {reading, 403, "", xmlError("InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.", "<Resource>/media/</Resource>"), UnknownAccessKey, ""},
	"MinIO, wrong region":     {reading, 400, "", xmlError("AuthorizationHeaderMalformed", "The authorization header is malformed; the region is wrong; expecting 'eu-1'.", "<Region>eu-1</Region>"), WrongRegion, "eu-1"},
	"MinIO, starting":         {reading, 503, "", xmlError("XMinioServerNotInitialized", "Server not initialized yet, please try again.", ""), Busy, ""},
	"MinIO, slow down":        {writing, 503, "", xmlError("SlowDownWrite", "Resource requested is unwritable, please reduce your request rate", ""), Busy, ""},
	"Ceph, unknown key":       {reading, 403, "", xmlError("InvalidAccessKeyId", "", "<HostId>1-default-default</HostId>"), UnknownAccessKey, ""},
	"Ceph, suspended":         {reading, 403, "", xmlError("UserSuspended", "", ""), UnusableKey, ""},
	"Ceph, may not list":      {reading, 403, "", xmlError("AccessDenied", "", ""), AccessDenied, ""},
	"Backblaze, unknown key":  {reading, 403, "", xmlError("InvalidAccessKeyId", "Malformed Access Key Id", ""), UnknownAccessKey, ""},
	"Backblaze, wrong secret": {reading, 403, "", xmlError("SignatureDoesNotMatch", "Signature validation failed", ""), WrongSecret, ""},
	"Backblaze, may not put":  {writing, 403, "", xmlError("AccessDenied", "not entitled", ""), WriteDenied, ""},
	"Backblaze, busy":         {writing, 503, "", xmlError("ServiceUnavailable", "no tomes available", ""), Busy, ""},
	"DigitalOcean, no bucket": {reading, 404, "", xmlError("NoSuchBucket", "", "<BucketName>media</BucketName>"), NoSuchBucket, ""},
	"DigitalOcean, slow down": {reading, 503, "", xmlError("SlowDown", "Please reduce your request rate.", ""), Busy, ""},
	"a proxy's page":          {reading, 403, "", "<html><body>Forbidden</body></html>", NotS3, ""},
	"a proxy's 502":           {reading, 502, "", "<html><body>Bad Gateway</body></html>", Busy, ""},
	"no body":                 {reading, 404, "", "", NotS3, ""},
	"a redirect elsewhere":    {reading, 302, "", "", NotS3, ""},
	"429":                     {reading, 429, "", "", Busy, ""},
}

func TestClassifyAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		got := classify(c.doing, &recorder{status: c.status, header: http.Header{"X-Amz-Bucket-Region": {c.headerRegion}}, body: []byte(c.body)}, errors.New("the library's own"))
		if got.Reason != c.want || got.Region != c.region || got.Status != c.status {
			t.Errorf("%s: %+v", name, got)
		}
		if definite := got.IsDefinite(); definite != (c.want >= UnknownAccessKey && c.want <= WriteDenied) {
			t.Errorf("%s: definite %v", name, definite)
		}
	}
	for name, c := range map[string]struct {
		doing  operation
		answer recorder
		want   Reason
	}{
		"list":           {reading, recorder{status: 200, body: []byte(emptyList)}, Fine},
		"put":            {writing, recorder{status: 200, header: http.Header{"Etag": {"x"}}}, Fine},
		"delete":         {deleting, recorder{status: 204}, Fine},
		"page to a list": {reading, recorder{status: 200, body: []byte("<html></html>")}, NotS3},
		"page to a put":  {writing, recorder{status: 200, body: []byte("<html></html>")}, NotS3},
	} {
		if got := classify(c.doing, &c.answer, nil); got.Reason != c.want || got.IsDefinite() {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := classify(reading, &recorder{status: 200}, errors.New("cannot be read")); got.Reason != NotS3 {
		t.Errorf("200 that is not S3's: %+v", got)
	}
	hostile := classify(reading, &recorder{status: 400, body: []byte(xmlError("X\x1b[31m", strings.Repeat("long ", 1000), ""))}, errors.New("x"))
	if strings.ContainsRune(hostile.said(), '\x1b') || len(hostile.said()) > 2*maxMessage {
		t.Errorf("unfit for a terminal: %q", hostile.said())
	}
}

// The same answers, from a server, through the library.
func TestRefusalsOfStores(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked calls
			target := served(t, func(w http.ResponseWriter, r *http.Request) {
				asked.add(r)
				if c.headerRegion != "" {
					w.Header().Set("X-Amz-Bucket-Region", c.headerRegion)
				}
				if c.status/100 == 3 {
					w.Header().Set("Location", "http://media.s3.example.invalid/") // must not be followed
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			checker := New()
			check := checker.Access
			if c.doing == writing {
				check = checker.Write
			}
			result, err := check(t.Context(), target, "secret")
			if err != nil || result.Reason != c.want || result.Region != c.region || result.Status != c.status {
				t.Errorf("%+v, %v", result, err)
			}
			if n := asked.count(); n > 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestClassifyFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err        error
		want       Reason
		mayBeThere bool
		said       string
	}{
		"no host":     {&net.OpError{Op: "dial", Err: &net.DNSError{Name: "minio.invalid", Err: "no such host"}}, NoAnswer, false, "the host minio.invalid could not be looked up: no such host"},
		"refused":     {&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, NoAnswer, false, "dial tcp: connect: connection refused"},
		"no route":    {&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, NoAnswer, false, "dial tcp: connect: no route to host"},
		"timeout":     {fmt.Errorf("x: %w", context.DeadlineExceeded), NoAnswer, true, "no answer in time"},
		"cut off":     {fmt.Errorf("x: %w", io.ErrUnexpectedEOF), NoAnswer, true, "x: unexpected EOF"},
		"certificate": {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, Untrusted, false, "x509: certificate signed by unknown authority"},
	} {
		got := classify(writing, &recorder{}, fmt.Errorf("the library: %w", c.err))
		if got.Reason != c.want || got.mayBeThere != c.mayBeThere || !strings.HasSuffix(got.Message, c.said) || got.IsDefinite() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
