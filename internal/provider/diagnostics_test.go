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
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden file from the current diagnostics")

// storageOfShop is the object of most tests.
var storageOfShop = object{kind: s3Storage, instance: "shop"}

// loopback matches the addresses in network errors, whose ports differ from run to run.
var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+(->127\.0\.0\.1:\d+)?`)

// apiError is an error that RyzeAPI reports to one attempt.
func apiError(status int, message string) error {
	return &ryzeapi.CallError{Attempts: 1, Err: &ryzeapi.APIError{StatusCode: status, Message: message}}
}

func TestDiagnosticsGolden(t *testing.T) {
	t.Parallel()
	old := ryzeapi.S3{Region: "eu-west-1", Bucket: "old", AccessKey: "AKIAOLD"}
	salesWebhook := object{kind: webhook, instance: "shop", label: "sales"}
	settingsOfShop, proxyOfShop := object{kind: settings, instance: "shop"}, object{kind: proxy, instance: "shop"}
	var all strings.Builder
	for _, c := range []struct {
		name string
		diag diag.Diagnostic
	}{
		// Each row of RyzeAPI's own error table, and the statuses that it omits.
		{"400", mockFailure(t, mockapi.FailWith(400, "Invalid request body"), save)},
		{"401", mockFailure(t, mockapi.FailWith(401, "Invalid token"), save)},
		{"403", mockFailure(t, mockapi.FailWith(403, "Instance token does not match requested instance"), save)},
		{"404", mockFailure(t, mockapi.FailWith(404, "Instance not found"), save)},
		{"429", mockFailure(t, mockapi.FailWith(429, "Rate limit exceeded. Try again later."), save)},
		{"500", mockFailure(t, mockapi.FailWith(500, "Failed to update S3 configuration"), save)},
		{"500 on a read", mockFailure(t, mockapi.FailWith(500, "Failed to get S3 configuration"), read)},
		{"503", mockFailure(t, mockapi.FailWith(503, "Service unavailable"), disable)},
		{
			"failure in a 200",
			mockFailure(
				t, mockapi.AnswerWith(200, "application/json", `{"success":false,"error":"nothing was saved"}`), save,
			),
		},
		// Failures in between, and answers of other servers.
		{"proxy's 502 page", mockFailure(t, mockapi.HTMLPage(502), save)},
		{"proxy's 403 page", mockFailure(t, mockapi.HTMLPage(403), read)},
		{"sign-in page", mockFailure(t, mockapi.HTMLPage(200), read)},
		{
			"404 of another server",
			mockFailure(t, mockapi.AnswerWith(404, "application/json", `{"message":"no Route matched"}`), read),
		},
		{"truncated answer", mockFailure(t, mockapi.Truncate(), save)},
		{"no s3 in the answer", mockFailure(t, mockapi.AnswerWith(200, "application/json", `{"success":true}`), save)},
		{"redirect", mockFailure(t, mockapi.RedirectTo("https://www.ryzeapi.cloud/login?from=x"), read)},
		{"timeout", mockFailure(t, mockapi.Delay(time.Minute), save)},
		{"server that echoes the secret", mockFailure(t, mockapi.FailWith(400, "bad secretKey wJalrXUtnFEMI"), save)},
		{"connection dropped", mockFailure(t, mockapi.DropAfter(), save)},
		{"connection refused", failedCallError(read, storageOfShop, connectionRefused(t))},
		{
			"unknown host",
			failedCallError(read, storageOfShop,
				&ryzeapi.CallError{Attempts: 1, Err: &net.DNSError{Err: "no such host", Name: "ryzeapi.invalid", IsNotFound: true}},
			),
		},
		{"untrusted certificate", failedCallError(read, storageOfShop, untrustedCertificate(t))},
		{"TLS 1.1", failedCallError(read, storageOfShop, oldTLS(t))},
		{"TLS to a plain server", failedCallError(read, storageOfShop, tlsToPlainServer(t))},
		{"cancelled", failedCallError(save, storageOfShop, &ryzeapi.CallError{Attempts: 1, Err: context.Canceled})},
		{"out of time", failedCallError(save, storageOfShop, &ryzeapi.CallError{
			Attempts: 3, Err: context.DeadlineExceeded, Last: &ryzeapi.APIError{StatusCode: 503, Message: "Service unavailable"},
		})},
		{"out of time, waiting for the rate limit", failedCallError(save, storageOfShop, &ryzeapi.CallError{
			Err: context.DeadlineExceeded, Last: &ryzeapi.RateLimitError{Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		})},
		{
			"cancelled, waiting for requests_per_minute",
			failedCallError(save, storageOfShop, &ryzeapi.CallError{
				Err: context.Canceled, Last: &ryzeapi.RateLimitError{Own: true},
			}),
		},
		// Problems found before or after a call.
		{"missing secret", s3Storage.missingSecretError()},
		{"empty secret", s3Storage.emptySecretError()},
		{"null among names", nullNameError(path.Root("names"))},
		{"comma in one of the names", invalidNameError(path.Root("names"), "a,b", ryzeapi.CheckInstanceName("a,b"))},
		{"connection state that no instance has", unknownStateWarning("online")},
		{"masked key", maskedAccessKeyError()},
		{"field not saved as sent", changedFieldError(storageOfShop, "path_prefix", "media/", "")},
		{"enabled not saved as sent", unchangedEnabledError(storageOfShop, true)},
		{"failed create that may have saved the storage", taintedWarning(storageOfShop)},
		{"destroy after another resource saved the storage", leftEnabledWarning(storageOfShop)},
		{
			"list",
			failedListError(&ryzeapi.CallError{Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 403, Message: "Forbidden"}}),
		},
		{"instances that were not found", missingInstancesWarning([]string{"shop", "a\"b"})},
		{
			"list that takes too long",
			failedListError(
				&ryzeapi.CallError{Attempts: 2, Err: context.DeadlineExceeded, Last: &ryzeapi.TimeoutError{After: time.Minute}},
			),
		},
		{
			"missing instance at plan",
			missingInstanceWarning(
				"shop", &ryzeapi.CallError{Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 404, Message: "Instance not found"}},
			),
		},
		{
			"instances that could not be checked at plan",
			uncheckedInstancesWarning(
				&ryzeapi.CallError{Attempts: 5, Err: &ryzeapi.APIError{StatusCode: 503, Message: "Service unavailable"}},
			),
		},
		{
			"instances for whose reads the rate limit has no room",
			uncheckedInstancesWarning(&ryzeapi.CallError{
				Err: ryzeapi.ErrWouldWait, Last: &ryzeapi.RateLimitError{Until: time.Unix(0, 0).UTC()},
			}),
		},
		{"two resources for an instance", duplicateResourceError(storageOfShop)},
		{"resource without a moved block", renamedResourceWarning(storageOfShop)},
		{
			"resource that is replaced with other settings",
			replacedWithChangesWarning(storageOfShop, describeStorage(old)),
		},
		{"change that disables", deletesWarning(storageOfShop)},
		{"storage that the same apply saves again", savedAgainWarning(storageOfShop)},
		{"storage that the next apply saves again", applyAgainWarning(storageOfShop)},
		{
			"another instance of the same name",
			otherInstanceError(
				storageOfShop, instanceIDs{"3", "7"}, describeStorage(old), false,
			),
		},
		{
			"another instance of the same name, to destroy",
			otherInstanceError(
				storageOfShop, instanceIDs{"3", "7"}, describeStorage(old), true,
			),
		},
		{
			"existing storage",
			existingObjectError(storageOfShop, describeStorage(old), false),
		},
		{
			"existing storage, to disable",
			existingObjectError(
				storageOfShop, describeStorage(ryzeapi.S3{Endpoint: "https://minio.example.com", Bucket: "old"}), true,
			),
		},
		{"token refused at plan", failedLookError("shop", mockError(t, mockapi.FailWith(401, "Invalid token"), read))},
		{
			"instance refused at plan",
			failedLookError("shop", mockError(t, mockapi.FailWith(403, "Instance token does not match"), read)),
		},
		{
			"redirect at plan",
			failedLookError("shop", mockError(t, mockapi.RedirectTo("https://www.ryzeapi.cloud/"), read)),
		},
		{"sign-in page at plan", failedLookError("shop", mockError(t, mockapi.HTMLPage(200), read))},
		{"connection refused at plan", failedLookError("shop", connectionRefused(t))},
		{"untrusted certificate at plan", failedLookError("shop", untrustedCertificate(t))},
		{"TLS 1.1 at plan", failedLookError("shop", oldTLS(t))},
		{
			"unknown host at plan",
			failedLookError("shop", &net.DNSError{Err: "no such host", Name: "ryzeapi.invalid", IsNotFound: true}),
		},
		{
			"existing storage that the plan replaces",
			replacesObjectWarning(storageOfShop, describeStorage(old), false),
		},
		{
			"existing storage that the plan deletes",
			replacesObjectWarning(
				object{kind: s3Storage, instance: "${shop}"},
				describeStorage(ryzeapi.S3{Endpoint: "https://minio.example.com", Bucket: "old", AccessKey: "minioadmin"}), true,
			),
		},
		// Whole instances.
		{"create with a TokenInstance", failedInstanceError(create, "shop", apiError(401, "Invalid token"))},
		{"quota", failedInstanceError(create, "shop", apiError(403, "Account instance quota exceeded"))},
		{"name that exists", failedInstanceError(create, "shop", apiError(409, "Name is taken"))},
		{"name that exists, at plan", existingInstanceError("${shop}")},
		{"create that RyzeAPI refuses", failedInstanceError(create, "shop", apiError(400, "Invalid name"))},
		{
			"create whose outcome is unknown",
			failedInstanceError(create, "shop", &ryzeapi.CallError{
				Attempts: 1, Err: &ryzeapi.TimeoutError{After: time.Minute}, MayHaveTakenEffect: true,
			}),
		},
		{
			"create, waiting for the limit of new instances",
			failedInstanceError(create, "shop", &ryzeapi.CallError{
				Err: context.DeadlineExceeded, Last: &ryzeapi.RateLimitError{Creates: true, Until: time.Unix(0, 0).UTC()},
			}),
		},
		{"delete with a TokenInstance", failedInstanceError(remove, "shop", apiError(401, "Invalid token"))},
		{"delete", failedInstanceError(remove, "shop", apiError(500, "Failed to delete instance: busy"))},
		{"read with a TokenInstance", failedInstanceError(read, "shop", &ryzeapi.CallError{Err: ryzeapi.ErrOneInstance})},
		{"plan with a TokenInstance", failedInstanceError(read, "", &ryzeapi.CallError{Err: ryzeapi.ErrOneInstance})},
		{"two resources for a whole instance", duplicateInstanceError("shop")},
		{"instance without a moved block", movedInstanceError("shop")},
		{"protected instance", protectedInstanceError("shop", false)},
		{"protected instance, to replace", protectedInstanceError("shop", true)},
		{"instance that is deleted", deletesInstanceWarning("shop")},
		{"names that were not checked", uncheckedNamesWarning(apiError(503, "Service unavailable"))},
		{"whole instance with another ID", replacedInstanceError("shop", "3", "7")},
		{"no instance", noInstanceError("shpo", []string{"support", "Shop", "shop-1", "shop", "x"})},
		{"no instance, and none like it", noInstanceError("shop", []string{"x"})},
		{"token of no instance", noTokenInstanceError("shop", nil)},
		{"token of an instance with another ID", otherTokenInstanceError("shop", "3", "7")},
		{"instance without a token", unlistedTokenError("shop")},
		// The other objects of an instance.
		{
			"fourth webhook",
			failedCallError(save, salesWebhook, &ryzeapi.CallError{
				Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 409, Message: "Maximum of 3 active webhooks per instance reached"},
			}),
		},
		{"fourth webhook at plan", tooManyWebhooksWarning(salesWebhook, 4)},
		{
			"existing webhook",
			existingObjectError(salesWebhook, describeWebhook(ryzeapi.Webhook{URL: "https://hooks.example.com"}), false),
		},
		{"two resources for a webhook", duplicateResourceError(salesWebhook)},
		{"webhook without a moved block", renamedResourceWarning(salesWebhook)},
		{"webhook over plain HTTP", plainWebhookWarning(salesWebhook)},
		{"empty authorization", webhook.emptyOptionalSecretError()},
		{"version without an authorization", webhook.missingSecretOfVersionError()},
		{"authorization not saved as sent", changedSecretError(salesWebhook)},
		{
			"existing WebSocket, to disable",
			existingObjectError(
				object{kind: websocket, instance: "shop"},
				describeWebsocket(ryzeapi.Websocket{Events: []string{"call.update"}, MediaBase64: true}), true,
			),
		},
		{"WebSocket that the next apply saves again", applyAgainWarning(object{kind: websocket, instance: "shop"})},
		{
			"settings that a create changes",
			changesSettingsWarning(settingsOfShop, []string{`ignore_status = "true" -> "false"`}),
		},
		{"settings that could not be reset", failedCallError(reset, settingsOfShop, &ryzeapi.CallError{
			Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 503, Message: "Service unavailable"},
		})},
		{"settings that another resource has saved", leftEnabledWarning(settingsOfShop)},
		{"settings that the next apply saves again", applyAgainWarning(settingsOfShop)},
		{"failed create of settings", taintedWarning(settingsOfShop)},
		{
			"another instance of the same name, with settings to change",
			otherInstanceError(
				settingsOfShop, instanceIDs{"3", "7"},
				describeSettings(ryzeapi.Settings{CallRejectMessage: "later", DisableHistorySync: true}), false,
			),
		},
		{
			"another instance of the same name, with settings to reset",
			otherInstanceError(
				settingsOfShop, instanceIDs{"3", "7"},
				describeSettings(ryzeapi.Settings{CallRejectMessage: "later", DisableHistorySync: true}), true,
			),
		},
		{
			"existing proxy",
			existingObjectError(proxyOfShop, describeProxy(ryzeapi.Proxy{
				Host: "proxy.example.com", Port: "1080", Protocol: "socks5", Username: "shop",
			}), false),
		},
		{"change that disables a proxy", deletesWarning(proxyOfShop)},
		{"proxy that waits for a connect", waitsForReconnectWarning(proxyOfShop)},
		{"imported proxy that may lose its password", removesPasswordWarning(proxyOfShop)},
		{"proxy that was removed and is still used", keepsRemovedProxyWarning(proxyOfShop)},
		{"instance that does not exist, at apply", missingInstanceError("shop", apiError(404, "Instance not found"))},
		{
			"reconnect that failed",
			failedReconnectWarning(proxyOfShop, &ryzeapi.CallError{
				Attempts: 1, Err: &ryzeapi.APIError{StatusCode: 500, Message: "Failed to reconnect: closed"},
			}),
		},
		{"import of a webhook", invalidImportLabelError(checkLabel.check(" a"))},
		{"import", invalidImportIDError(ryzeapi.CheckInstanceName("a,b"))},
		{"move of another kind of object", otherSourceError(sources[0], s3Storage, proxyOfShop)},
		{"move from another API", untoldSourceError(sources[2], s3Storage, []string{"/users", "/users/1"}, nil)},
		{"move of an instance without a name", unnamedSourceError(sources[0], wholeInstance)},
		{"move of an object to an instance", otherSourceError(sources[0], wholeInstance, proxyOfShop)},
		{"move from another API to an instance", untoldSourceError(sources[0], wholeInstance, []string{"/users"}, nil)},
		{"move without a path", untoldSourceError(sources[0], settings, nil, nil)},
		{
			"move of several objects",
			untoldSourceError(
				sources[0], proxy, []string{"/api/instance/proxy/shop", "/api/instance/s3/shop"},
				[]object{proxyOfShop, storageOfShop},
			),
		},
		{"move of a webhook without a label", unlabelledSourceError(sources[0], salesWebhook)},
		{"move of an unreadable state", unreadableSourceError(sources[2], webhook)},
		{"unknown setting", unknownSettingError("token")},
		{
			"invalid setting",
			invalidSettingError(
				"endpoint", "The environment variable RYZEAPI_ENDPOINT", errors.New("must begin with https:// or http://"),
			),
		},
		{"missing token", missingTokenError()},
		{"plain http", plainHTTPWarning("ryze.internal:8080")},
	} {
		describe(&all, c.name, c.diag)
	}
	compareGolden(t, "diagnostics.golden", all.String())
}

func describe(all *strings.Builder, name string, d diag.Diagnostic) {
	fmt.Fprintf(all, "=== %s\n%v: %s\n", name, d.Severity(), d.Summary())
	if at, ok := d.(diag.DiagnosticWithPath); ok {
		fmt.Fprintf(all, "at %s\n", at.Path())
	}
	fmt.Fprintf(all, "\n%s\n\n", loopback.ReplaceAllString(d.Detail(), "127.0.0.1:PORT"))
}

func compareGolden(t *testing.T, name, all string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
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
		t.Errorf("the diagnostics differ from %s (go test -run Golden -update rewrites it):\n%s", golden, all)
	}
}

// mockFailure returns the diagnostic of a call to a mock that injects the fault into every request.
func mockFailure(t *testing.T, fault mockapi.Fault, doing action) diag.Diagnostic {
	t.Helper()
	return failedCallError(doing, storageOfShop, mockError(t, fault, doing))
}

// mockError is the error of such a call.
func mockError(t *testing.T, fault mockapi.Fault, doing action) error {
	t.Helper()
	f := newFixture(t, mockapi.Options{})
	f.mock.Inject("", 99, fault)
	config := clientConfigFor(t, f.url)
	config.RequestTimeout, config.MaxRetries = time.Second, 1
	client := ryzeapi.New(config)
	var err error
	switch doing {
	case save:
		config := ryzeapi.S3Config{Bucket: "media", SecretKey: ryzeapi.NewSecret("wJalrXUtnFEMI")}
		_, err = client.UpdateS3(t.Context(), "shop", config)
	case disable, reset:
		_, err = client.DisableS3(t.Context(), "shop")
	case read:
		_, err = client.S3("shop").Get(t.Context())
	case create:
		_, err = client.CreateInstance(t.Context(), "new")
	case remove:
		err = client.DeleteInstance(t.Context(), "shop")
	}
	if err == nil {
		t.Fatal("the call did not fail")
	}
	return err
}

func connectionRefused(t *testing.T) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_, err = ryzeapi.New(clientConfigFor(t, "http://"+listener.Addr().String())).S3("shop").Get(t.Context())
	return err
}

func untrustedCertificate(t *testing.T) error {
	t.Helper()
	return failedHandshake(t, nil)
}

func oldTLS(t *testing.T) error {
	t.Helper()
	return failedHandshake(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
}

// failedHandshake returns the error of a call to a server with this TLS configuration.
func failedHandshake(t *testing.T, offered *tls.Config) error {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = offered
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log that the client closed the connection
	server.StartTLS()
	defer server.Close()
	_, err := ryzeapi.New(clientConfigFor(t, server.URL)).S3("shop").Get(t.Context())
	return err
}

func tlsToPlainServer(t *testing.T) error {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	endpoint := strings.Replace(server.URL, "http:", "https:", 1)
	_, err := ryzeapi.New(clientConfigFor(t, endpoint)).S3("shop").Get(t.Context())
	return err
}
