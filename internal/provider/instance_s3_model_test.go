package provider

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/ryzeapi"
)

func str(s string) types.String { return types.StringValue(s) }

// model returns enabled AWS storage, after the change.
func model(change func(*instanceS3Model)) *instanceS3Model {
	m := &instanceS3Model{
		Instance: str("shop"), Enabled: types.BoolValue(true),
		Region: str("us-east-1"), Bucket: str("media"), AccessKey: str("AKIAEXAMPLE"),
		SecretKeyVersion: types.Int64Value(3),
	}
	if change != nil {
		change(m)
	}
	return m
}

func disabled(m *instanceS3Model) { m.Enabled = types.BoolValue(false) }

func TestMaskFits(t *testing.T) {
	t.Parallel()
	const known = "AKIAIOSFODNN7EXAMPLE"
	for want, answers := range map[bool][]string{
		true: {
			known, "AKIA...", "AKIA…", "AKIA••••", "AKIA****MPLE", "AKIA***FOD***PLE", "****MPLE", "********", "...",
		},
		false: {
			"", "AKIA", "AKIAIOSFODNN7EXAMPLF", "ASIA...", "AKIA****MPLF", "AKIA***XYZ***PLE", "AKIA***FOD***FOD***PLE",
			"AKIAIOSFODNN7EXAMPLE...MPLE",
		},
	} {
		for _, answered := range answers {
			if maskFits(answered, known) != want {
				t.Errorf("maskFits(%q) is not %v", answered, want)
			}
		}
	}
	if maskFits("AKIA...", "") || !maskFits("", "") {
		t.Error("maskFits is wrong about an empty key")
	}
}

func TestSameEndpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"https://minio.example.com", "https://minio.example.com/", true},
		{"https://MinIO.Example.com", "HTTPS://minio.example.com//", true},
		{"https://minio.example.com/base", "https://minio.example.com/base/", true},
		{"https://minio.example.com/base", "https://minio.example.com/Base", false},
		{"https://minio.example.com", "http://minio.example.com", false},
		{"https://minio.example.com", "https://minio.example.com:9000", false},
		{"https://minio.example.com", "", false},
		{"%zz", "%zz", true},
		{"%zz", "%ZZ", false},
	} {
		if sameEndpoint(c.a, c.b) != c.want || sameEndpoint(c.b, c.a) != c.want {
			t.Errorf("sameEndpoint(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}

func TestSamePrefix(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a/b", "/a/b/", true},
		{"", "/", true},
		{"a/b", "a//b", false},
		{"a", "A", false},
		{"a", "", false},
	} {
		if samePrefix(c.a, c.b) != c.want {
			t.Errorf("samePrefix(%q, %q) is not %v", c.a, c.b, c.want)
		}
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	answer := ryzeapi.S3{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE"}
	imported := &instanceS3Model{Instance: str("shop")}
	for name, c := range map[string]struct {
		prior  *instanceS3Model
		answer ryzeapi.S3
		want   *instanceS3Model
	}{
		"unchanged": {model(nil), answer, model(nil)},
		"empty stays empty": {
			model(func(m *instanceS3Model) { m.Endpoint = str("") }), answer,
			model(func(m *instanceS3Model) { m.Endpoint = str("") }),
		},
		"slash stays a slash": {
			model(func(m *instanceS3Model) { m.PathPrefix = str("/") }), answer,
			model(func(m *instanceS3Model) { m.PathPrefix = str("/") }),
		},
		"bucket changed": {model(func(m *instanceS3Model) { m.Bucket = str("old") }), answer, model(nil)},
		"prefix dropped": {model(func(m *instanceS3Model) { m.PathPrefix = str("a/") }), answer, model(nil)},
		"switched off": {
			model(nil), ryzeapi.S3{},
			&instanceS3Model{Instance: str("shop"), Enabled: types.BoolValue(false), SecretKeyVersion: types.Int64Value(3)},
		},
		"still off":                 {model(disabled), ryzeapi.S3{}, model(disabled)},
		"still off, with leftovers": {model(disabled), ryzeapi.S3{Bucket: "leftover"}, model(disabled)},
		"switched on": {
			model(disabled), ryzeapi.S3{Enabled: true, Bucket: "theirs"},
			&instanceS3Model{
				Instance: str("shop"), Enabled: types.BoolValue(true), Bucket: str("theirs"), SecretKeyVersion: types.Int64Value(3),
			},
		},
		"imported": {imported, answer, model(func(m *instanceS3Model) { m.SecretKeyVersion = types.Int64Null() })},
		"imported while off": {
			imported, ryzeapi.S3{}, &instanceS3Model{Instance: str("shop"), Enabled: types.BoolValue(false)},
		},
		"imported with a masked key": {
			imported, ryzeapi.S3{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIA..."},
			model(func(m *instanceS3Model) { m.AccessKey, m.SecretKeyVersion = str("AKIA..."), types.Int64Null() }),
		},
	} {
		got := *c.prior
		got.refresh(c.answer)
		if fmt.Sprint(got) != fmt.Sprint(*c.want) {
			t.Errorf("%s:\n got %v\nwant %v", name, got, *c.want)
		}
	}
}

func TestPlanVersion(t *testing.T) {
	t.Parallel()
	version, secret, secretLater := types.Int64Value, str("s"), types.StringUnknown()
	on, off := model(nil), model(disabled)
	perhaps := model(func(m *instanceS3Model) { m.Enabled = types.BoolUnknown() })
	imported := model(func(m *instanceS3Model) { m.SecretKeyVersion = types.Int64Null() })
	foreign := model(func(m *instanceS3Model) { m.SecretKeyVersion = version(0) })
	largest := model(func(m *instanceS3Model) { m.SecretKeyVersion = version(maxVersion) })
	for name, c := range map[string]struct {
		secret      types.String // in the configuration, as is the number
		number      types.Int64
		plan, prior *instanceS3Model
		same        bool  // the secret is the one that was last sent
		sent        int64 // the version of that one, 0 for none
		want        types.Int64
	}{
		"create":                             {secret: secret, plan: on, want: version(1)},
		"create with an unknown secret":      {secret: secretLater, plan: on, want: version(1)},
		"create disabled":                    {plan: off, want: version(1)},
		"create with a number":               {secret: secret, number: version(7), plan: on, want: version(7)},
		"same secret":                        {secret: secret, plan: on, prior: on, same: true, want: version(3)},
		"changed secret":                     {secret: secret, plan: on, prior: on, want: version(4)},
		"changed secret, but not the number": {secret: secret, number: version(3), plan: on, prior: on, want: version(3)},
		"number unknown": {
			secret: secret, number: types.Int64Unknown(), plan: on, prior: on, want: types.Int64Unknown(),
		},
		"no secret":                         {plan: on, prior: on, want: version(3)},
		"unknown secret":                    {secret: secretLater, plan: on, prior: on, want: types.Int64Unknown()},
		"disabled":                          {secret: secret, plan: off, prior: off, want: version(3)},
		"being disabled":                    {secret: secretLater, plan: off, prior: on, want: version(3)},
		"being enabled, secret the same":    {secret: secret, plan: on, prior: off, same: true, want: version(3)},
		"being enabled, secret changed":     {secret: secret, plan: on, prior: off, want: version(4)},
		"enabled unknown":                   {secret: secret, plan: perhaps, prior: on, want: types.Int64Unknown()},
		"enabled unknown, without a secret": {plan: perhaps, prior: on, want: version(3)},
		"imported":                          {secret: secret, plan: on, prior: imported, want: version(1)},
		"imported, without a secret":        {plan: on, prior: imported, want: types.Int64Null()},
		"after the largest":                 {secret: secret, plan: on, prior: largest, want: version(1)},
		"after one that was lost":           {secret: secret, plan: on, prior: imported, sent: 3, want: version(4)},
		"after one that was not sent":       {secret: secret, plan: on, prior: foreign, want: version(1)},
		"after a foreign one":               {secret: secret, plan: on, prior: foreign, sent: 3, want: version(4)},
		"same as a foreign one": {
			secret: secret, plan: on, prior: foreign, same: true, sent: 3, want: version(0),
		},
		"after a smaller number": {secret: secret, plan: on, prior: on, sent: maxVersion, want: version(4)},
		"a number after a foreign one": {
			secret: secret, number: version(2), plan: on, prior: foreign, sent: 3, want: version(2),
		},
	} {
		config := &instanceS3Model{SecretKey: c.secret, SecretKeyVersion: c.number}
		plan := *c.plan // cases share it
		plan.planVersion(config, c.prior, lastSent{c.sent, func(string) bool { return !c.same }})
		if got := plan.SecretKeyVersion; !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestMustSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan  func(*instanceS3Model)
		prior *instanceS3Model
		want  bool
	}{
		"create":                  {nil, nil, true},
		"create disabled":         {disabled, nil, true},
		"create, enabled unknown": {func(m *instanceS3Model) { m.Enabled = types.BoolUnknown() }, nil, false},
		"nothing":                 {nil, model(nil), false},
		"enabled":                 {nil, model(disabled), true},
		"disabled":                {disabled, model(nil), true},
		"stays disabled": {
			disabled, model(func(m *instanceS3Model) { disabled(m); m.Bucket = types.StringNull() }), false,
		},
		"version": {
			func(m *instanceS3Model) { m.SecretKeyVersion = types.Int64Value(4) }, model(nil), true,
		},
		"version unknown": {
			func(m *instanceS3Model) { m.SecretKeyVersion = types.Int64Unknown() }, model(nil), false,
		},
		"bucket":          {func(m *instanceS3Model) { m.Bucket = str("other") }, model(nil), true},
		"bucket unknown":  {func(m *instanceS3Model) { m.Bucket = types.StringUnknown() }, model(nil), false},
		"equivalent form": {func(m *instanceS3Model) { m.Endpoint = str("") }, model(nil), false},
		"extra slash": {
			func(m *instanceS3Model) { m.PathPrefix = str("a/") }, model(func(m *instanceS3Model) { m.PathPrefix = str("a") }),
			true, // it may be a different place
		},
		"extra slash of an endpoint": {
			func(m *instanceS3Model) { m.Endpoint = str("https://a.example/") },
			model(func(m *instanceS3Model) { m.Endpoint = str("https://a.example") }),
			false,
		},
		"the whole key after a masked one": {nil, model(func(m *instanceS3Model) { m.AccessKey = str("AKIA...") }), true},
	} {
		if got := model(c.plan).mustSend(c.prior); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestKeepForms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ plan, prior, want func(*instanceS3Model) }{
		"slash of a prefix": {
			func(m *instanceS3Model) { m.PathPrefix = str("/a/") },
			func(m *instanceS3Model) { m.PathPrefix = str("a") },
			func(m *instanceS3Model) { m.PathPrefix = str("/a/") },
		},
		"slash of an endpoint": {
			func(m *instanceS3Model) { m.Endpoint = str("https://a.example/") },
			func(m *instanceS3Model) { m.Endpoint = str("https://a.example") },
			func(m *instanceS3Model) { m.Endpoint = str("https://a.example") },
		},
		"from null, where Terraform requires the form of the configuration": {
			func(m *instanceS3Model) { m.PathPrefix = str("") }, nil, func(m *instanceS3Model) { m.PathPrefix = str("") },
		},
		"to null": {nil, func(m *instanceS3Model) { m.PathPrefix = str("") }, nil},
		"unknown": {
			func(m *instanceS3Model) { m.Bucket = types.StringUnknown() }, nil,
			func(m *instanceS3Model) { m.Bucket = types.StringUnknown() },
		},
		"changed bucket": {
			func(m *instanceS3Model) { m.Bucket = str("b") }, nil, func(m *instanceS3Model) { m.Bucket = str("b") },
		},
		"changed bucket while disabled": {
			func(m *instanceS3Model) { disabled(m); m.Bucket = str("b") }, disabled, disabled,
		},
	} {
		got, want := model(c.plan), model(c.want)
		got.keepForms(model(c.prior))
		if fmt.Sprint(*got) != fmt.Sprint(*want) {
			t.Errorf("%s:\n got %v\nwant %v", name, *got, *want)
		}
	}
}

func TestCheckComplete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*instanceS3Model)
		want   string
	}{
		"complete": {nil, ""},
		"nothing": {
			func(m *instanceS3Model) { *m = instanceS3Model{} }, `Missing "bucket", Missing "access_key", Missing "region"`,
		},
		"disabled":        {func(m *instanceS3Model) { *m = instanceS3Model{SecretKey: str("")}; disabled(m) }, ""},
		"enabled unknown": {func(m *instanceS3Model) { *m = instanceS3Model{Enabled: types.BoolUnknown()} }, ""},
		"empty strings": {
			func(m *instanceS3Model) { m.Bucket, m.AccessKey, m.SecretKey = str(""), str(""), str("") },
			`Missing "bucket", Missing "access_key"`,
		},
		"unknown": {func(m *instanceS3Model) {
			unknown := types.StringUnknown()
			m.Bucket, m.AccessKey, m.Region, m.SecretKey = unknown, unknown, unknown, unknown
		}, ""},
		"no region at a store": {
			func(m *instanceS3Model) { m.Region, m.Endpoint = types.StringNull(), str("https://minio.example.com") }, "",
		},
		"endpoint unknown": {
			func(m *instanceS3Model) { m.Region, m.Endpoint = types.StringNull(), types.StringUnknown() }, "",
		},
	} {
		if got := summaries(model(c.change).checkComplete()); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCheckSendable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*instanceS3Model)
		secret types.String
		want   string
	}{
		"with a secret":    {nil, str("s"), ""},
		"unknown secret":   {nil, types.StringUnknown(), ""},
		"no secret":        {nil, types.StringNull(), `Missing "secret_key"`},
		"empty secret":     {nil, str(""), `Missing "secret_key"`},
		"disabled":         {disabled, types.StringNull(), ""},
		"masked key":       {func(m *instanceS3Model) { m.AccessKey = str("AKIA****WXYZ") }, str("s"), `Masked "access_key"`},
		"access key later": {func(m *instanceS3Model) { m.AccessKey = types.StringUnknown() }, str("s"), ""},
	} {
		if got := summaries(model(c.change).checkSendable(c.secret)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCheckSaved(t *testing.T) {
	t.Parallel()
	answer := ryzeapi.S3{Enabled: true, Region: "us-east-1", Bucket: "media", AccessKey: "AKIAEXAMPLE"}
	for name, c := range map[string]struct {
		sent   func(*instanceS3Model)
		change func(*ryzeapi.S3)
		want   string
	}{
		"as sent": {nil, func(*ryzeapi.S3) {}, ""},
		"masked":  {nil, func(s *ryzeapi.S3) { s.AccessKey = "AKIA..." }, ""},
		"a mask of another key": {
			nil, func(s *ryzeapi.S3) { s.AccessKey = "ASIA..." }, `RyzeAPI did not save "access_key" of instance "shop" as sent`,
		},
		"dropped": {
			nil, func(s *ryzeapi.S3) { s.Bucket, s.Region = "", "" },
			`RyzeAPI did not save "region" of instance "shop" as sent, RyzeAPI did not save "bucket" of instance "shop" as sent`,
		},
		"added": {
			nil, func(s *ryzeapi.S3) { s.Endpoint = "https://elsewhere" },
			`RyzeAPI did not save "endpoint" of instance "shop" as sent`,
		},
		"slashes": {
			func(m *instanceS3Model) { m.PathPrefix = str("a") }, func(s *ryzeapi.S3) { s.PathPrefix = "/a/" }, "",
		},
		"not enabled": {
			nil, func(s *ryzeapi.S3) { *s = ryzeapi.S3{} }, `RyzeAPI did not save "enabled" of instance "shop" as sent`,
		},
		"disabled":         {disabled, func(s *ryzeapi.S3) { *s = ryzeapi.S3{} }, ""},
		"disabled, echoed": {disabled, func(s *ryzeapi.S3) { *s = ryzeapi.S3{Bucket: "x"} }, ""},
		"not disabled":     {disabled, func(*ryzeapi.S3) {}, `RyzeAPI did not save "enabled" of instance "shop" as sent`},
	} {
		got := answer
		c.change(&got)
		if got := summaries(model(c.sent).checkSaved(storageOfShop, got)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func summaries(diags diag.Diagnostics) string {
	var all []string
	for _, d := range diags {
		all = append(all, d.Summary())
	}
	return strings.Join(all, ", ")
}

// For random configurations and servers: the server saves what is planned and sent, and after a refresh the same
// configuration makes an empty plan, in whatever form the server returns the values.
func TestAnyConfigurationPlansEmptyAfterAnApply(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		mock := mockapi.New(randomServer(random))
		account := mock.AddAccount(testToken)
		account.AddInstance("shop")
		server := httptest.NewServer(mock)
		config := randomConfig(random)
		if err := sendAndPlanAgain(t, server.URL, account, config); err != nil {
			t.Errorf("%+v: %v", config, err)
		}
		server.Close()
	}
}

func sendAndPlanAgain(t *testing.T, url string, account *mockapi.Account, config *instanceS3Model) error {
	t.Helper()
	client := ryzeapi.New(clientConfigFor(t, url))
	plan := *config
	plan.SecretKey = types.StringNull()
	plan.planVersion(config, nil, lastSent{})
	if diags := append(config.checkComplete(), plan.checkSendable(config.SecretKey)...); diags.HasError() {
		return fmt.Errorf("the configuration is rejected: %v", diags)
	}
	var answer ryzeapi.S3
	var err error
	if plan.isEnabled() {
		answer, err = client.UpdateS3(t.Context(), "shop", plan.s3Config(config.SecretKey))
	} else {
		answer, err = client.DisableS3(t.Context(), "shop")
	}
	if err != nil {
		return err
	}
	if diags := plan.checkSaved(storageOfShop, answer); diags.HasError() {
		return fmt.Errorf("not saved as sent: %v", diags)
	}
	stored := account.S3("shop")
	if diags := plan.checkSaved(storageOfShop, ryzeapi.S3{
		Enabled: stored.Enabled, Region: stored.Region, Bucket: stored.Bucket, AccessKey: stored.AccessKey,
		Endpoint: stored.Endpoint, PathPrefix: stored.PathPrefix,
	}); diags.HasError() || stored.Enabled && stored.SecretKey != config.SecretKey.ValueString() {
		return fmt.Errorf("the server has %+v: %v", stored, diags)
	}
	read, err := client.S3("shop").Get(t.Context())
	if err != nil {
		return err
	}
	state := plan
	state.refresh(read)
	if fmt.Sprint(state) != fmt.Sprint(plan) {
		return fmt.Errorf("the refresh changed %v to %v", plan, state)
	}
	next := *config
	next.SecretKey = types.StringNull()
	next.keepForms(&state)
	next.planVersion(config, &state, lastSent{differs: func(string) bool { return false }})
	if fmt.Sprint(next) != fmt.Sprint(state) || next.mustSend(&state) {
		return fmt.Errorf("the next plan changes %v to %v", state, next)
	}
	return nil
}

func randomConfig(r *rand.Rand) *instanceS3Model {
	pick := func(values ...types.String) types.String { return values[r.IntN(len(values))] }
	m := &instanceS3Model{
		Instance:  str("shop"),
		Enabled:   types.BoolValue(r.IntN(5) > 0),
		Region:    pick(str("us-east-1"), str("eu-central-1")),
		Bucket:    pick(str("media"), str("m.e-d.ia"), str("Ümläut")),
		AccessKey: pick(str("AKIAIOSFODNN7EXAMPLE"), str("minioadmin"), str("abcd")),
		SecretKey: pick(str("one"), str(`q"u\o<t>&e`), str("ключ")),
		Endpoint: pick(
			types.StringNull(), str(""), str("https://MinIO.example.com"), str("http://10.0.0.1:9000/"), str("https://h/base//"),
		),
		PathPrefix: pick(
			types.StringNull(), str(""), str("/"), str("a"), str("a/"), str("/a/b"), str("//a b//"), str("%2F?#"),
		),
	}
	if !isEmpty(m.Endpoint) {
		m.Region = pick(m.Region, types.StringNull(), str(""))
	}
	return m
}

func randomServer(r *rand.Rand) mockapi.Options {
	identity := func(s string) string { return s }
	pick := func(functions ...func(string) string) func(string) string { return functions[r.IntN(len(functions))] }
	return mockapi.Options{
		Disabled: mockapi.DisabledShape(r.IntN(3)),
		MaskAccessKey: pick(
			identity, func(s string) string { return s[:4] + "..." },
			func(s string) string { return s[:2] + "****" + s[len(s)-2:] }, func(string) string { return "****" },
		),
		NormalizeEndpoint: pick(
			identity, strings.ToLower, func(s string) string { return strings.TrimRight(s, "/") },
			func(s string) string { return s + "/" },
		),
		NormalizePathPrefix: pick(
			identity, func(s string) string { return strings.Trim(s, "/") },
			func(s string) string { return strings.TrimRight(s, "/") + "/" }, func(s string) string { return "/" + s },
		),
	}
}
