package provider

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

// clientConfigFor is what the provider makes of a configuration with just an endpoint and the tests' token.
func clientConfigFor(t *testing.T, url string) ryzeapi.Config {
	t.Helper()
	c, diags := testProvider().clientConfig(providerModel{Endpoint: str(url), Token: str(testToken)}, "1.2.3")
	if diags.HasError() {
		t.Fatal(diags)
	}
	return c
}

func TestClientConfig(t *testing.T) {
	t.Parallel()
	const (
		env     = "https://env.example.com"
		invalid = `Error: Invalid provider setting `
	)
	for name, c := range map[string]struct {
		config          providerModel
		endpoint, token string // in the environment
		want            string
	}{
		"environment": {endpoint: env, token: "env-token", want: env + " env-token 30s 4"},
		"defaults":    {token: "env-token", want: "https://ryzeapi.cloud env-token 30s 4"},
		"configuration before environment": {
			config: providerModel{
				Endpoint: str("https://conf.example.com"), Token: str(" conf-token\n"), RequestTimeout: str("2m"),
				MaxRetries: types.Int64Value(0),
			},
			endpoint: env, token: "env-token",
			want: "https://conf.example.com conf-token 2m0s 0",
		},
		"loopback needs no TLS": {
			config: providerModel{Endpoint: str("http://[::1]:80")}, token: "t", want: "http://[::1]:80 t 30s 4",
		},
		"localhost needs no TLS": {
			config: providerModel{Endpoint: str("http://localhost")}, token: "t", want: "http://localhost t 30s 4",
		},
		"plain http": {
			config: providerModel{Endpoint: str("http://ryze.internal")}, token: "t",
			want: "http://ryze.internal t 30s 4; Warning: RyzeAPI is called without encryption",
		},
		"no token": {want: "Error: Missing RyzeAPI token"},
		"empty token": {
			config: providerModel{Token: str("")}, token: "env-token",
			want: invalid + `"token": The provider's "token" is empty.`,
		},
		"blank token in the environment": {
			token: " ", want: invalid + `"token": The environment variable RYZEAPI_TOKEN is empty.`,
		},
		"token that no header can hold": {
			token: "hunter\n2",
			want: invalid + `"token": The environment variable RYZEAPI_TOKEN contains a line break or another control ` +
				`character, which no HTTP header can hold; check how it was copied.`,
		},
		"endpoint in the environment without a scheme": {
			endpoint: "ryzeapi.cloud", token: "t",
			want: invalid + `"endpoint": The environment variable RYZEAPI_ENDPOINT must begin with https:// or http://.`,
		},
		"empty endpoint": {
			config: providerModel{Endpoint: str("")}, endpoint: env, token: "t",
			want: invalid + `"endpoint": The provider's "endpoint" must begin with https:// or http://.`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := map[string]string{endpointVariable: c.endpoint, tokenVariable: c.token}
			config, diags := testProvider(environment).clientConfig(c.config, "1.2.3")
			var got []string
			if !diags.HasError() {
				token := config.Token.Reveal()
				got = append(got, fmt.Sprintf("%s %s %s %d", config.Endpoint, token, config.RequestTimeout, config.MaxRetries))
			}
			for _, d := range diags {
				text := fmt.Sprintf("%v: %s", d.Severity(), d.Summary())
				if strings.HasPrefix(d.Summary(), "Invalid") {
					text += ": " + d.Detail()
				}
				got = append(got, text)
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), c.want)
			}
			if strings.Contains(fmt.Sprint(diags), "hunter") {
				t.Error("the token is in the message")
			}
		})
	}
}

func TestUserAgentNamesTheProviderAndTerraform(t *testing.T) {
	t.Parallel()
	const want = "terraform-provider-ryzeapi/test (+https://github.com/ryzeapi/terraform-provider-ryzeapi) Terraform/1.2.3"
	if got := clientConfigFor(t, "https://ryzeapi.cloud").UserAgent; got != want {
		t.Errorf("got %s", got)
	}
}

func TestUnknownSettingsDoNotFallBackToTheEnvironment(t *testing.T) {
	t.Parallel()
	environment := map[string]string{endpointVariable: "https://env.example.com", tokenVariable: "env-token"}
	settings := arguments{"endpoint": unknown{}, "token": unknown{}}
	diags := newProtocol(t, environment).configure(settings, false)
	if len(diags) != 2 {
		t.Fatalf("%d diagnostics: %v", len(diags), diags)
	}
	for i, name := range []string{"endpoint", "token"} {
		if diags[i].Severity != tfprotov6.DiagnosticSeverityError ||
			diags[i].Summary != `Provider setting "`+name+`" is not known yet` ||
			diags[i].Attribute.String() != `AttributeName("`+name+`")` {
			t.Errorf("%+v", diags[i])
		}
	}
	if diags := newProtocol(t, environment).configure(settings, true); len(diags) != 0 {
		t.Errorf("although Terraform can defer: %v", diags)
	}
}

func TestAccUnknownTokenFailsThePlan(t *testing.T) {
	t.Parallel()
	play(t, true, mockapi.Options{}, func(*fixture) []step {
		return []step{{
			settings: arguments{"token": knownLater{"x"}}, config: aws, secret: "one", planOnly: true,
			err: `Provider setting "token" is not known yet`,
		}}
	})
}

func TestAccInvalidProviderArgumentsFailThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings arguments
		want     string
	}{
		"timeout that is no duration": {
			arguments{"request_timeout": "soon"}, `(?s)Invalid "request_timeout".*not a positive\s+duration`,
		},
		"zero timeout":      {arguments{"request_timeout": "0s"}, `Invalid "request_timeout"`},
		"negative retries":  {arguments{"max_retries": -1}, `max_retries`},
		"too many retries":  {arguments{"max_retries": 21}, `max_retries`},
		"unknown preflight": {arguments{"preflight": "on"}, `(?s)preflight.*value must be one of`},
		"no requests":       {arguments{"requests_per_minute": 0}, `requests_per_minute`},
		"no certificate":    {arguments{"ca_cert_pem": "ca.pem"}, `(?s)Invalid "ca_cert_pem".*contains no certificate`},
		"no certificate file": {
			arguments{"ca_cert_file": "no.pem"},
			`(?s)Invalid provider setting "ca_cert_file".*cannot be read: open no.pem`,
		},
		"two certificates": {
			arguments{"ca_cert_file": "a", "ca_cert_pem": "b"}, `(?s)ca_cert_file.*cannot be specified when.*ca_cert_pem`,
		},
		"endpoint with password": {
			arguments{"endpoint": "https://me:hunter2@ryzeapi.cloud"},
			`(?s)Invalid "endpoint".*must not contain a user name or\s+password`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, name == "endpoint with password", mockapi.Options{}, func(*fixture) []step {
				return []step{{settings: c.settings, config: aws, secret: "one", planOnly: true, err: c.want}}
			})
		})
	}
}

func TestFailedRequestsAreRetriedUpToMaxRetries(t *testing.T) {
	t.Parallel()
	play(t, false, mockapi.Options{}, func(f *fixture) []step {
		f.settings = arguments{"request_timeout": "1s", "max_retries": 2}
		one, two := awsBody("one", ""), awsBody("two", "")
		return []step{
			{ // two failures do not matter
				before: func() {
					f.mock.Inject("POST", 1, mockapi.Delay(time.Minute))
					f.mock.Inject("POST", 1, mockapi.DropBefore())
				},
				config: aws, secret: "one", sent: []string{one, one, one},
			},
			{ // three do
				before: func() { f.mock.Inject("POST", 3, mockapi.FailWith(http.StatusServiceUnavailable, "Unavailable")) },
				config: aws, secret: "two", sent: []string{two, two, two},
				err: `(?s)503 Service Unavailable.*made\s+3\s+attempts`,
			},
		}
	})
}

func TestTokenInstanceIsEnoughForItsOwnInstance(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	f.settings = arguments{"token": f.account.AddInstance("own")}
	h := newHost(f)
	h.mustApply(step{config: aws.with(arguments{"instance": "own"}), secret: "one"})
	if !f.account.S3("own").Enabled {
		t.Errorf("the storage is not enabled: %+v", f.mock.Requests())
	}
	want := regexp.MustCompile(`(?s)403 Forbidden: Instance token does not match.*A TokenInstance can\s+access`)
	if failed := h.planAndApply(step{config: aws, secret: "one"}); failed == nil || !want.MatchString(failed.text) {
		t.Errorf("%+v", failed)
	}
}

func TestInstanceTokensAreUsedUnlessNever(t *testing.T) {
	t.Parallel()
	for setting, want := range map[types.String]bool{types.StringNull(): true, str("auto"): true, str("never"): false} {
		model := providerModel{Token: str(testToken), InstanceTokens: setting}
		config, diags := testProvider().clientConfig(model, "1.2.3")
		if diags.HasError() || config.InstanceTokens != want {
			t.Errorf("%s: %v, %v", setting, config.InstanceTokens, diags)
		}
	}
}

func TestConfigureMakesNoNetworkCall(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mockapi.Options{})
	mustWarn(t, f.connect().warnings)
	f.sentNothing()
}

func TestLogsAreMasked(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &services{token: ryzeapi.NewSecret("the-token")}
	ctx := s.maskLogs(tflogtest.RootLogger(t.Context(), &log), "the-secret", "")
	tflog.Debug(ctx, "called with the-secret", map[string]any{"a": "the-token", "b": "the-secret"})
	if text := log.String(); strings.Contains(text, "the-secret") || strings.Contains(text, "the-token") ||
		!strings.Contains(text, "called with ***") {
		t.Error(text)
	}
}

var soundsSecret = regexp.MustCompile(`(?i)secret|key|token|password|credential`)

// notSecret are the texts that only sound secret, and why they are not.
var notSecret = map[string]string{
	"url":             "where deliveries go; it must not contain credentials, which its validator sees to",
	"access_key_wo":   "is the ID of a key, which RyzeAPI shows",
	"access_key":      "the identifier of a key pair, which S3 itself sends in clear",
	"path_prefix":     "what the keys of objects begin with",
	"endpoint":        "must not contain credentials, which its validator sees to",
	"preflight":       "one of three words",
	"preflight_when":  "one of two words",
	"instance_tokens": "one of two words",
}

// unprotected lists the texts of a schema that sound secret but are not sensitive, or not write-only in a resource.
func unprotected(schema *tfprotov6.Schema, isResource bool) []string {
	var names []string
	for _, a := range schema.Block.Attributes {
		secret := soundsSecret.MatchString(a.Name) || soundsSecret.MatchString(a.Description)
		_, known := notSecret[a.Name]
		if secret && !known && a.Type.Is(tftypes.String) && (!a.Sensitive || isResource && !a.WriteOnly) {
			names = append(names, a.Name)
		}
	}
	return names
}

func TestSecretsAreProtectedInTheSchema(t *testing.T) {
	t.Parallel()
	schema := newProtocol(t).schema
	if names := unprotected(schema.Provider, false); len(names) > 0 {
		t.Errorf("provider: %v", names)
	}
	for name, s := range schema.ResourceSchemas {
		if names := unprotected(s, true); len(names) > 0 {
			t.Errorf("%s: %v", name, names)
		}
	}
	for name, s := range schema.DataSourceSchemas {
		if names := unprotected(s, false); len(names) > 0 {
			t.Errorf("data source %s: %v", name, names)
		}
	}
	if len(schema.ResourceSchemas) == 0 {
		t.Error("no resource was checked")
	}
	// The search finds what it should.
	bad := &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
		{Name: "password", Type: tftypes.String},
		{Name: "pin", Type: tftypes.String, Description: "The account's token.", Sensitive: true},
		{Name: "secret", Type: tftypes.String, Sensitive: true, WriteOnly: true},
		{Name: "region", Type: tftypes.String},
	}}}
	if got := fmt.Sprint(unprotected(bad, true), unprotected(bad, false)); got != "[password pin] [password]" {
		t.Errorf("found %s", got)
	}
}
