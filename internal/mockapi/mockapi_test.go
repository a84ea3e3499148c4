package mockapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const enabledBody = `{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIA","secretKey":"hunter2","endpoint":"","pathPrefix":"a/"}`

func newServer(t *testing.T, options mockapi.Options) (*mockapi.Server, *httptest.Server) {
	t.Helper()
	mock := mockapi.New(options)
	account := mock.AddAccount("acct")
	account.AddInstance("shop")
	account.AddInstance("other")
	mock.AddAccount("strangers").AddInstance("theirs")
	server := httptest.NewServer(mock)
	t.Cleanup(server.Close)
	return mock, server
}

// do returns the status, the headers and the body of an answer; status 0 when the connection was dropped.
func do(t *testing.T, server *httptest.Server, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, ""
	}
	defer response.Body.Close() //nolint:errcheck // a test
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, ""
	}
	return response.StatusCode, response.Header, strings.TrimSpace(string(answer))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const s3, get, list = "/api/instance/s3/shop", "/api/instance/getS3/shop", "/api/instance/list"
	const disabledGet = `{"s3":{"accessKey":null,"bucket":null,"enabled":false,"endpoint":null,"pathPrefix":null,"region":null,"secretKey":null},"success":true}`
	for name, c := range map[string]struct {
		method, path, body, token string
		status                    int
		answer                    string // contained in the body
	}{
		"write":                     {"POST", s3, enabledBody, "acct", 200, `{"message":"S3 configuration updated","s3":{"accessKey":"AKIA","bucket":"media","enabled":true,"endpoint":"","pathPrefix":"a/","region":"us-east-1"},"success":true}`},
		"write by its own token":    {"POST", s3, enabledBody, "acct-shop", 200, `"bucket":"media"`},
		"disable":                   {"POST", s3, `{"enabled":false}`, "acct", 200, `"s3":{"accessKey":null,"bucket":null,"enabled":false,"endpoint":null,"pathPrefix":null,"region":null}`},
		"never configured":          {"GET", get, "", "acct", 200, disabledGet},
		"malformed":                 {"POST", s3, `{"enabled":`, "acct", 400, `{"error":{"message":"Invalid request body"},"success":false}`},
		"wrong type":                {"POST", s3, `{"enabled":"yes"}`, "acct", 400, "Invalid request body"},
		"enabled missing":           {"POST", s3, `{"bucket":"b"}`, "acct", 400, "Invalid request body"},
		"no token":                  {"GET", get, "", "", 401, "Invalid token"},
		"wrong token":               {"POST", s3, enabledBody, "guess", 401, "Invalid token"},
		"another instance's token":  {"GET", get, "", "acct-other", 403, "Instance token does not match requested instance"},
		"another account's token":   {"GET", get, "", "strangers", 404, "Instance not found"},
		"no such instance":          {"GET", "/api/instance/getS3/Shop", "", "acct", 404, "Instance not found"},
		"list":                      {"GET", list, "", "acct", 200, `"message":"2 Instances found"`},
		"list filtered":             {"GET", list + "?instanceName=shop,nobody", "", "acct", 200, `"message":"1 Instances found"`},
		"list of one unknown":       {"GET", list + "?instanceName=nobody", "", "acct", 404, "Instance not found"},
		"list with an empty filter": {"GET", list + "?instanceName=", "", "acct", 200, `"message":"2 Instances found"`},
		"list by an instance":       {"GET", list + "?instanceName=other", "", "acct-shop", 200, `"name":"shop"`},
	} {
		_, server := newServer(t, mockapi.Options{})
		status, _, answer := do(t, server, c.method, c.path, c.body, "token", c.token)
		if status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if strings.Contains(answer, "hunter2") {
			t.Errorf("%s: the secret is in the answer", name)
		}
	}
	_, server := newServer(t, mockapi.Options{})
	if status, _, _ := do(t, server, "GET", get, "", "Authorization", "Bearer acct"); status != 200 {
		t.Errorf("bearer: %d", status)
	}
}

func TestDisablingDeletesEverything(t *testing.T) {
	t.Parallel()
	mock, server := newServer(t, mockapi.Options{})
	do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
	do(t, server, "POST", "/api/instance/s3/shop", `{"enabled":false}`, "token", "acct")
	_, _, answer := do(t, server, "GET", "/api/instance/getS3/shop", "", "token", "acct")
	if strings.Contains(answer, "media") {
		t.Errorf("answer %s", answer)
	}
	if n := len(mock.Requests()); n != 3 {
		t.Errorf("%d requests in the journal", n)
	}
}

func TestOpenPoints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options    mockapi.Options
		path, want string
	}{
		"disabled, null":      {mockapi.Options{}, "getS3/other", `"bucket":null`},
		"disabled, empty":     {mockapi.Options{Disabled: mockapi.DisabledEmpty}, "getS3/other", `"bucket":""`},
		"disabled, absent":    {mockapi.Options{Disabled: mockapi.DisabledAbsent}, "getS3/other", `{"s3":{"enabled":false,"secretKey":null},"success":true}`},
		"masked":              {mockapi.Options{MaskAccessKey: func(string) string { return "A***" }}, "getS3/shop", `"accessKey":"A***"`},
		"normalised prefix":   {mockapi.Options{NormalizePathPrefix: strings.ToUpper}, "getS3/shop", `"pathPrefix":"A/"`},
		"list, whole":         {mockapi.Options{}, "list", `"s3":{"accessKey":"AKIA","bucket":"media","enabled":true,"endpoint":"","pathPrefix":"a/","region":"us-east-1"}`},
		"list, partial":       {mockapi.Options{ListS3: mockapi.ListPartial}, "list", `"s3":{"bucket":"media","enabled":true}`},
		"list has the tokens": {mockapi.Options{}, "list", `"token":"acct-shop"`},
	} {
		_, server := newServer(t, c.options)
		do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
		if _, _, answer := do(t, server, "GET", "/api/instance/"+c.path, "", "token", "acct"); !strings.Contains(answer, c.want) {
			t.Errorf("%s: %s", name, answer)
		}
	}
	_, server := newServer(t, mockapi.Options{ListS3: mockapi.ListMissing})
	if _, _, answer := do(t, server, "GET", "/api/instance/list", "", "token", "acct"); strings.Contains(answer, `"s3"`) {
		t.Errorf("list, missing: %s", answer)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_, server := newServer(t, mockapi.Options{RateLimit: 2, Now: func() time.Time { return now }})
	get := func(token string) (int, http.Header) {
		status, header, _ := do(t, server, "GET", "/api/instance/getS3/shop", "", "token", token)
		return status, header
	}
	for i, want := range []struct {
		status    int
		remaining string
	}{{200, "1"}, {200, "0"}, {429, "0"}} {
		status, header := get("acct")
		if status != want.status || header.Get("X-Ratelimit-Remaining") != want.remaining || header.Get("X-Ratelimit-Limit") != "2" ||
			header.Get("X-Ratelimit-Reset") != "1767323105" || header.Get("Date") != "Fri, 02 Jan 2026 03:04:05 GMT" {
			t.Errorf("request %d: %d %v", i+1, status, header)
		}
	}
	if status, _ := get("acct-shop"); status != 200 {
		t.Errorf("another token has a budget of its own: %d", status)
	}
	now = now.Add(time.Minute)
	if status, _ := get("acct"); status != 200 {
		t.Errorf("in the next window: %d", status)
	}
	_, unlimited := newServer(t, mockapi.Options{})
	if _, header, _ := do(t, unlimited, "GET", "/api/instance/getS3/shop", "", "token", "acct"); header.Get("X-Ratelimit-Limit") != "" {
		t.Error("headers without a limit")
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   mockapi.Fault
		status  int
		answer  string
		applied bool
	}{
		"status":         {mockapi.FailWith(500, "no"), 500, `{"error":{"message":"no"},"success":false}`, false},
		"page":           {mockapi.HTMLPage(502), 502, "<html><head><title>502 Bad Gateway</title>", false},
		"redirect":       {mockapi.RedirectTo("https://other.example.com/"), 307, "", false},
		"late":           {mockapi.Delay(time.Millisecond), 200, `"success":true`, true},
		"dropped before": {mockapi.DropBefore(), 0, "", false},
		"dropped after":  {mockapi.DropAfter(), 0, "", true},
		"truncated":      {mockapi.Truncate(), 200, `{"message":"S3 configuration updated"`, true},
	} {
		mock := mockapi.New(mockapi.Options{})
		account := mock.AddAccount("acct")
		account.AddInstance("shop")
		server := httptest.NewServer(mock)
		mock.Inject("GET", 1, mockapi.HTMLPage(500)) // of another method
		mock.Inject("POST", 1, c.fault)
		status, _, answer := do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
		if status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if applied := account.S3("shop").SecretKey == "hunter2"; applied != c.applied {
			t.Errorf("%s: applied %v", name, applied)
		}
		if status, _, _ := do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct"); status != 200 {
			t.Errorf("%s: the fault is played twice", name)
		}
		server.Close()
		if got := mock.Requests()[0].Status; got != c.status {
			t.Errorf("%s: the journal says %d", name, got)
		}
	}
}

func TestRandomFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	// Of three instances in turn, or of one after the other: the n-th request to each meets the same.
	draw := func(seed uint64, paths ...string) map[string][]string {
		choose, drawn := mockapi.RandomFaults(seed, 0.3), map[string][]string{}
		for _, path := range paths {
			name, fault := choose(httptest.NewRequest(http.MethodPost, path, nil))
			if (name == "") != (fault == nil) {
				t.Fatalf("%q, %v", name, fault == nil)
			}
			drawn[path] = append(drawn[path], name)
		}
		return drawn
	}
	inTurn, inARow := slices.Repeat([]string{"/a", "/b", "/c"}, 1000), append(slices.Repeat([]string{"/c"}, 1000), append(slices.Repeat([]string{"/a"}, 1000), slices.Repeat([]string{"/b"}, 1000)...)...)
	one, again := draw(1, inTurn...), draw(1, inARow...)
	if !reflect.DeepEqual(one, again) || reflect.DeepEqual(one, draw(2, inTurn...)) {
		t.Error("the choice does not depend on the seed alone")
	}
	kinds, faults := map[string]int{}, 0
	for _, names := range one {
		for _, name := range names {
			kinds[name]++
			if name != "" {
				faults++
			}
		}
	}
	if faults < 750 || faults > 1050 || len(kinds) != 10 {
		t.Errorf("%d faults in 3000 requests: %v", faults, kinds)
	}
}

func TestHangAfter(t *testing.T) {
	t.Parallel()
	mock := mockapi.New(mockapi.Options{Fault: func(*http.Request) mockapi.Fault { return mockapi.HangAfter() }})
	account := mock.AddAccount("acct")
	account.AddInstance("shop")
	server := httptest.NewServer(mock)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/instance/s3/shop", strings.NewReader(enabledBody))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("token", "acct")
	if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
		_ = response.Body.Close()
		t.Errorf("answered %s", response.Status)
	}
	if !account.S3("shop").Enabled {
		t.Error("nothing was done")
	}
}
