package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/preflight"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files from what the code says now")

// loopback is what differs from run to run in a message of the network's.
var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)

func TestDiagnosticsGolden(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, c := range []struct {
		name string
		diag diag.Diagnostic
	}{
		// Each row of RyzeAPI's own error table, and the statuses that it omits.
		{"400", failure(t, mockapi.FailWith(400, "Invalid request body"), saving)},
		{"401", failure(t, mockapi.FailWith(401, "Invalid token"), saving)},
		{"403", failure(t, mockapi.FailWith(403, "Instance token does not match requested instance"), saving)},
		{"404", failure(t, mockapi.FailWith(404, "Instance not found"), saving)},
		{"429", failure(t, mockapi.FailWith(429, "Rate limit exceeded. Try again later."), saving)},
		{"500", failure(t, mockapi.FailWith(500, "Failed to update S3 configuration"), saving)},
		{"500 on a read", failure(t, mockapi.FailWith(500, "Failed to get S3 configuration"), reading)},
		{"503", failure(t, mockapi.FailWith(503, "Service unavailable"), disabling)},
		{"failure in a 200", failure(t, mockapi.AnswerWith(200, "application/json", `{"success":false,"error":"nothing was saved"}`), saving)},
		// What comes between, or instead.
		{"proxy's 502 page", failure(t, mockapi.HTMLPage(502), saving)},
		{"proxy's 403 page", failure(t, mockapi.HTMLPage(403), reading)},
		{"sign-in page", failure(t, mockapi.HTMLPage(200), reading)},
		{"another's 404", failure(t, mockapi.AnswerWith(404, "application/json", `{"message":"no Route matched"}`), reading)},
		{"cut off", failure(t, mockapi.Truncate(), saving)},
		{"no s3 in the answer", failure(t, mockapi.AnswerWith(200, "application/json", `{"success":true}`), saving)},
		{"redirect", failure(t, mockapi.RedirectTo("https://www.ryzeapi.cloud/login?from=x"), reading)},
		{"timeout", failure(t, mockapi.Delay(time.Minute), saving)},
		{"server that echoes the secret", failure(t, mockapi.FailWith(400, "bad secretKey wJalrXUtnFEMI"), saving)},
		{"connection dropped", failure(t, mockapi.DropAfter(), saving)},
		{"connection refused", callFailed(reading, "shop", refused(t))},
		{"unknown host", callFailed(reading, "shop", &ryzeapi.CallError{Attempts: 1, Err: &net.DNSError{Err: "no such host", Name: "ryzeapi.invalid", IsNotFound: true}})},
		{"untrusted certificate", callFailed(reading, "shop", untrusted(t))},
		{"TLS 1.1", callFailed(reading, "shop", oldTLS(t))},
		{"TLS to a plain server", callFailed(reading, "shop", plainServer(t))},
		{"cancelled", callFailed(saving, "shop", &ryzeapi.CallError{Attempts: 1, Err: context.Canceled})},
		{"out of time", callFailed(saving, "shop", &ryzeapi.CallError{
			Attempts: 3, Err: context.DeadlineExceeded, Last: &ryzeapi.APIError{StatusCode: 503, Message: "Service unavailable"},
		})},
		{"out of time, waiting for the rate limit", callFailed(saving, "shop", &ryzeapi.CallError{
			Err: context.DeadlineExceeded, Last: &ryzeapi.RateLimitError{Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		})},
		{"cancelled, waiting for one's own limit", callFailed(saving, "shop", &ryzeapi.CallError{Err: context.Canceled, Last: &ryzeapi.RateLimitError{Own: true}})},
		// What is found before or after a call.
		{"missing secret", missingSecret()},
		{"empty secret", emptySecret()},
		{"masked key", maskedAccessKey()},
		{"field not kept", notKept("shop", "path_prefix", "media/", "")},
		{"not enabled", notSwitched("shop", true)},
		{"create that failed, but may be there", tainted("shop")},
		{"not disabled, since saved", leftEnabled("shop")},
		{"list", listFailed(&ryzeapi.CallError{Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 403, Message: "Forbidden"}})},
		{"instances that do not exist", instancesMissing([]string{"shop", "a\"b"})},
		{"list that takes too long", listFailed(&ryzeapi.CallError{Attempts: 2, Err: context.DeadlineExceeded, Last: &ryzeapi.TimeoutError{After: time.Minute}})},
		{"instance that is not there at plan", noInstance("shop", &ryzeapi.CallError{Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 404, Message: "Instance not found"}})},
		{"instances that were not seen at plan", notSeen(&ryzeapi.CallError{Attempts: 5, Err: &ryzeapi.APIError{StatusCode: 503, Message: "Service unavailable"}})},
		{"instance of another resource", managedAlready("shop")},
		{"storage that is replaced", replaced("shop", ryzeapi.S3{Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD"}, false)},
		{"storage that is deleted", replaced("${shop}", ryzeapi.S3{Endpoint: "https://minio.example.com", Bucket: "old", AccessKey: "minioadmin"}, true)},
		{"import", invalidImport(ryzeapi.CheckInstanceName("a,b"))},
		{"unknown setting", unknownSetting("token")},
		{"invalid setting", invalidSetting("endpoint", "The environment variable RYZEAPI_ENDPOINT", errors.New("must begin with https:// or http://"))},
		{"missing token", missingToken()},
		{"plain http", plainHTTP("ryze.internal:8080")},
	} {
		write(&all, c.name, c.diag)
	}
	// What a check of a store finds: at the apply, and a definite one also as the plan shows it.
	aws := preflight.Target{Region: "us-east-1", Bucket: "media", PathPrefix: "shop/", AccessKey: "AKIAEXAMPLE"}
	minio := preflight.Target{Endpoint: "https://minio.example.com", Bucket: "media", PathPrefix: "shop/", AccessKey: "minioadmin"}
	for _, c := range []struct {
		name, mode string
		target     preflight.Target
		found      preflight.Result
	}{
		{"unknown access key", "access", aws, preflight.Result{Reason: preflight.UnknownAccessKey, Status: 403, Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records."}},
		{"unusable key", "access", aws, preflight.Result{Reason: preflight.UnusableKey, Status: 400, Code: "ExpiredToken", Message: "The provided token has expired."}},
		{"wrong secret", "access", minio, preflight.Result{Reason: preflight.WrongSecret, Status: 403, Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided."}},
		{"no bucket", "access", minio, preflight.Result{Reason: preflight.NoSuchBucket, Status: 404, Code: "NoSuchBucket"}},
		{"invalid bucket", "access", aws, preflight.Result{Reason: preflight.InvalidBucketName, Status: 400, Code: "InvalidBucketName", Message: "The specified bucket is not valid."}},
		{"wrong region", "access", aws, preflight.Result{Reason: preflight.WrongRegion, Status: 301, Code: "PermanentRedirect", Message: "The bucket must be addressed elsewhere.", Region: "eu-west-1"}},
		{"wrong region, unnamed", "access", aws, preflight.Result{Reason: preflight.WrongRegion, Status: 400, Code: "InvalidRegion"}},
		{"write denied", "write", aws, preflight.Result{Reason: preflight.WriteDenied, Status: 403, Code: "AccessDenied", Message: "Access Denied"}},
		{"list denied", "access", aws, preflight.Result{Reason: preflight.AccessDenied, Status: 403, Code: "AccessDenied", Message: "Access Denied"}},
		{"clock", "access", aws, preflight.Result{Reason: preflight.WrongClock, Status: 403, Code: "RequestTimeTooSkewed", Message: "The difference is too large."}},
		{"busy", "access", minio, preflight.Result{Reason: preflight.Busy, Status: 503, Code: "SlowDown", Message: "Please reduce your request rate."}},
		{"not S3", "access", minio, preflight.Result{Reason: preflight.NotS3, Status: 200, Message: "the answer is not S3's"}},
		{"another refusal", "access", minio, preflight.Result{Reason: preflight.OtherRefusal, Status: 400, Code: "SomethingNew", Message: "It is new."}},
		{"store with an untrusted certificate", "access", minio, preflight.Result{Reason: preflight.Untrusted, Message: "x509: certificate signed by unknown authority"}},
		{"store that cannot be reached", "access", minio, preflight.Result{Reason: preflight.NoAnswer, Message: "no answer in time"}},
		{"probe left behind", "write", minio, preflight.Result{LeftBehind: "shop/.ryzeapi-preflight-x", LeftBehindWhy: "AccessDenied: Access Denied."}},
	} {
		for _, d := range checkFound("shop", c.mode, c.target, c.found) {
			write(&all, "preflight, "+c.name, d)
			if c.found.Reason == preflight.WrongSecret {
				write(&all, "preflight at plan, "+c.name, asWarning("shop", d))
			}
		}
	}
	compareGolden(t, all.String())
}

func write(all *strings.Builder, name string, d diag.Diagnostic) {
	fmt.Fprintf(all, "=== %s\n%v: %s\n", name, d.Severity(), d.Summary())
	if at, ok := d.(diag.DiagnosticWithPath); ok {
		fmt.Fprintf(all, "at %s\n", at.Path())
	}
	fmt.Fprintf(all, "\n%s\n\n", loopback.ReplaceAllString(d.Detail(), "127.0.0.1:PORT"))
}

func compareGolden(t *testing.T, all string) {
	t.Helper()
	golden := filepath.Join("testdata", "diagnostics.golden")
	if *updateGolden {
		if err := os.WriteFile(golden, []byte(all), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if all != string(want) {
		t.Errorf("the diagnostics differ from %s (go test -update rewrites it):\n%s", golden, all)
	}
}

// failure is the diagnostic that a user reads when the mock always plays the fault.
func failure(t *testing.T, fault mockapi.Fault, doing operation) diag.Diagnostic {
	t.Helper()
	f := newFixture(t, mockapi.Options{})
	f.mock.Inject("", 99, fault)
	config := clientConfigFor(t, f.url)
	config.RequestTimeout, config.MaxRetries = time.Second, 1
	client := ryzeapi.New(config)
	var err error
	switch doing {
	case saving:
		_, err = client.UpdateS3(t.Context(), "shop", ryzeapi.S3Config{Bucket: "media", SecretKey: ryzeapi.NewSecret("wJalrXUtnFEMI")})
	case disabling:
		_, err = client.DisableS3(t.Context(), "shop")
	case reading:
		_, err = client.GetS3(t.Context(), "shop")
	}
	if err == nil {
		t.Fatal("the call did not fail")
	}
	return callFailed(doing, "shop", err)
}

func refused(t *testing.T) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, err = ryzeapi.New(clientConfigFor(t, "http://"+listener.Addr().String())).GetS3(t.Context(), "shop")
	return err
}

func untrusted(t *testing.T) error {
	t.Helper()
	return handshake(t, nil)
}

func oldTLS(t *testing.T) error {
	t.Helper()
	return handshake(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
}

// handshake is how a call to a server with such TLS fails.
func handshake(t *testing.T, offered *tls.Config) error {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = offered
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would complain of the client's refusal
	server.StartTLS()
	defer server.Close()
	_, err := ryzeapi.New(clientConfigFor(t, server.URL)).GetS3(t.Context(), "shop")
	return err
}

func plainServer(t *testing.T) error {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := ryzeapi.New(clientConfigFor(t, strings.Replace(server.URL, "http:", "https:", 1))).GetS3(t.Context(), "shop")
	return err
}
