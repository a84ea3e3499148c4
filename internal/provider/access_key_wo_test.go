package provider

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

// keyBody is the whole configuration of aws with an access key.
func keyBody(accessKey, secret string) string {
	return body(mockapi.Storage{Region: "us-east-1", Bucket: "media", AccessKey: accessKey, SecretKey: secret})
}

// writeOnly is aws with its access key from an ephemeral value.
func writeOnly(accessKey any) arguments {
	return aws.without("access_key").with(arguments{"access_key_wo": accessKey})
}

// A write-only access key is in the state only in the form in which RyzeAPI shows it.
func TestAccAccessKeyFromAnEphemeralValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options  mockapi.Options
		one, two string // the state's access_key after the first and the second key pair
	}{
		"whole": {mockapi.Options{}, "AKIAONEEXAMPLE", "AKIATWOEXAMPLE"},
		"masked": {
			mockapi.Options{MaskAccessKey: func(key string) string { return key[:6] + "****" + key[len(key)-4:] }},
			"AKIAON****MPLE", "AKIATW****MPLE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, name == "masked", c.options, func(f *fixture) []step {
				one, two := writeOnly("AKIAONEEXAMPLE"), writeOnly("AKIATWOEXAMPLE")
				return []step{
					{
						config: one, secret: "one", sent: []string{keyBody("AKIAONEEXAMPLE", "one")},
						state: map[string]any{"access_key": c.one, "access_key_wo": nil, "secret_key_version": 1},
					},
					{config: one, secret: "one", action: noop},
					{ // another pair
						config: two, secret: "two", action: updates, sent: []string{keyBody("AKIATWOEXAMPLE", "two")},
						changes: changes{"access_key": {c.one, unknown{}}, "secret_key_version": {1, 2}},
						state:   map[string]any{"access_key": c.two},
					},
					{ // another secret of the same key
						config: two, secret: "three", action: updates, sent: []string{keyBody("AKIATWOEXAMPLE", "three")},
						changes: changes{"secret_key_version": {2, 3}},
					},
					{ // changed by hand
						before: func() {
							f.setStorage("shop", mockapi.Storage{
								Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIATHEIRS", SecretKey: "theirs",
							})
						},
						config: two, secret: "three", action: updates, sent: []string{keyBody("AKIATWOEXAMPLE", "three")},
						state: map[string]any{"access_key": c.two},
					},
					{ // switched off by hand
						before: func() { f.setStorage("shop", mockapi.Storage{}) },
						config: two, secret: "three", action: updates, sent: []string{keyBody("AKIATWOEXAMPLE", "three")},
						state: map[string]any{"access_key": c.two},
					},
					{
						config: two.with(switchedOff), secret: "three", action: updates, sent: []string{disableBody},
						warnings: deletesCredentials,
					},
					{
						config: two, secret: "three", action: updates, sent: []string{keyBody("AKIATWOEXAMPLE", "three")},
						state: map[string]any{"access_key": c.two},
					},
				}
			})
		})
	}
}

// Going from one argument to the other with the same key sends nothing, as long as RyzeAPI shows the whole key.
func TestAccessKeyMovesToTheWriteOnlyArgument(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(*fixture) []step {
		return []step{
			{config: aws, secret: "one", sent: []string{awsBody("one", "")}},
			{config: writeOnly("AKIAEXAMPLE"), secret: "one", action: noop},
			{config: aws, secret: "one", action: noop},
			{config: writeOnly(knownLater{"AKIAEXAMPLE"}), secret: "one"},
			{config: writeOnly(knownLater{"AKIANEW"}), secret: "one", sent: []string{keyBody("AKIANEW", "one")}},
		}
	})
}

// The storage that is there has the same key, so it is adopted.
func TestAdoptionWithAWriteOnlyAccessKey(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.setStorage("shop", awsStorage)
		return []step{
			{config: writeOnly("AKIAOTHER"), secret: "one", planOnly: true, err: `Instance "shop" already has S3 storage`},
			{config: writeOnly("AKIAEXAMPLE"), secret: "one", sent: []string{keyBody("AKIAEXAMPLE", "one")}},
		}
	})
}

func TestAccessKeyIsGivenOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config arguments
		want   string
	}{
		"both":         {aws.with(arguments{"access_key_wo": "AKIA"}), `Invalid Attribute Combination`},
		"neither":      {aws.without("access_key"), `(?s)Missing "access_key".*access_key_wo`},
		"an empty one": {writeOnly(""), `Missing "access_key"`},
		"a masked one": {writeOnly("AKIA****MPLE"), `Masked "access_key"`},
		"a temporary":  {writeOnly("ASIAEXAMPLE"), `(?s)Invalid "access_key".*access_key_wo`},
		"white space":  {writeOnly("AKIA "), `Invalid "access_key_wo"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, false, mockapi.Options{}, func(*fixture) []step {
				return []step{{config: c.config, secret: "one", planOnly: true, err: c.want}}
			})
		})
	}
}

// The store's answer contains the key, and the message does not.
func TestPreflightDoesNotShowAWriteOnlyAccessKey(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"unknown": "<Error><Code>InvalidAccessKeyId</Code><Message>No such key: AKIAHIDDEN</Message></Error>",
		"malformed": "<Error><Code>InvalidArgument</Code>" +
			"<Message>Credential access key has length 10, should be 32</Message></Error>",
		"denied": "<Error><Code>AccessDenied</Code><Message>AKIAHIDDEN may not</Message></Error>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, answer)
			}))
			t.Cleanup(store.Close)
			config := writeOnly("AKIAHIDDEN").with(arguments{"endpoint": store.URL})
			_, warnings, failed := newHost(newFixture(t, mockapi.Options{})).plan(
				step{secret: "one", settings: arguments{"preflight": "access"}}, map[string]arguments{"shop": config},
			)
			shown := strings.Join(warnings, "\n")
			if failed != nil {
				shown += failed.text
			}
			if strings.Contains(shown, "AKIAHIDDEN") || !strings.Contains(shown, "access_key_wo") && name != "denied" {
				t.Error(shown)
			}
		})
	}
}
