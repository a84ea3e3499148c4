package mockapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ryzeapi/terraform-provider-ryzeapi/internal/mockapi"
)

const enabledBody = `{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIA","secretKey":"hunter2",` +
	`"endpoint":"","pathPrefix":"a/"}`

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

// do returns an answer's status, headers and body. The status is 0 if the connection was dropped.
func do(
	t *testing.T, server *httptest.Server, method, path, body string, header ...string,
) (int, http.Header, string) {
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
	defer response.Body.Close() //nolint:errcheck // the body was read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, ""
	}
	return response.StatusCode, response.Header, strings.TrimSpace(string(answer))
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const s3, get, list = "/api/instance/s3/shop", "/api/instance/getS3/shop", "/api/instance/list"
	const disabledGet = `{"s3":{"accessKey":null,"bucket":null,"enabled":false,"endpoint":null,"pathPrefix":null,` +
		`"region":null,"secretKey":null},"success":true}`
	for name, c := range map[string]struct {
		method, path, body, token string
		status                    int
		answer                    string // a part of the body
	}{
		"write": {
			"POST", s3, enabledBody, "acct", 200,
			`{"message":"S3 configuration updated","s3":{"accessKey":"AKIA","bucket":"media","enabled":true,` +
				`"endpoint":"","pathPrefix":"a/","region":"us-east-1"},"success":true}`,
		},
		"write with the instance's own token": {"POST", s3, enabledBody, "acct-shop", 200, `"bucket":"media"`},
		"disable": {
			"POST", s3, `{"enabled":false}`, "acct", 200,
			`"s3":{"accessKey":null,"bucket":null,"enabled":false,"endpoint":null,"pathPrefix":null,"region":null}`,
		},
		"never configured": {"GET", get, "", "acct", 200, disabledGet},
		"malformed": {
			"POST", s3, `{"enabled":`, "acct", 400, `{"error":{"message":"Invalid request body"},"success":false}`,
		},
		"wrong type":      {"POST", s3, `{"enabled":"yes"}`, "acct", 400, "Invalid request body"},
		"enabled missing": {"POST", s3, `{"bucket":"b"}`, "acct", 400, "Invalid request body"},
		"no token":        {"GET", get, "", "", 401, "Invalid token"},
		"wrong token":     {"POST", s3, enabledBody, "guess", 401, "Invalid token"},
		"another instance's token": {
			"GET", get, "", "acct-other", 403, "Instance token does not match requested instance",
		},
		"an instance's token for no instance": {
			"GET", "/api/instance/getS3/nobody", "", "acct-other", 404, "Instance not found",
		},
		"another account's token": {"GET", get, "", "strangers", 404, "Instance not found"},
		"no such instance":        {"GET", "/api/instance/getS3/Shop", "", "acct", 404, "Instance not found"},
		"list":                    {"GET", list, "", "acct", 200, `"message":"2 Instances found"`},
		"list with a filter": {
			"GET", list + "?instanceName=shop,nobody", "", "acct", 200, `"message":"1 Instances found"`,
		},
		"list with one unknown name": {"GET", list + "?instanceName=nobody", "", "acct", 404, "Instance not found"},
		"list with an empty filter": {
			"GET", list + "?instanceName=", "", "acct", 200, `"message":"2 Instances found"`,
		},
		"no such path": {
			"GET", "/api/instance/s4/shop", "", "acct", 404,
			`{"error":{"message":"The mock has no GET /api/instance/s4/shop. It has: DELETE /api/instance/delete/{instance}, `,
		},
		"no such method": {
			"DELETE", s3, "", "acct", 405,
			`{"error":{"message":"The mock has no DELETE /api/instance/s3/shop. Allowed here: POST"},"success":false}`,
		},
		"list with an instance's token": {"GET", list + "?instanceName=other", "", "acct-shop", 200, `"name":"shop"`},
	} {
		_, server := newServer(t, mockapi.Options{})
		status, header, answer := do(t, server, c.method, c.path, c.body, "token", c.token)
		if allowed := header.Get("Allow"); (allowed == "POST") != (status == http.StatusMethodNotAllowed) {
			t.Errorf("%s: Allow is %q", name, allowed)
		}
		if status != c.status || !strings.Contains(answer, c.answer) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if strings.Contains(answer, "hunter2") {
			t.Errorf("%s: the secret is in the answer", name)
		}
	}
	_, server := newServer(t, mockapi.Options{})
	if status, _, _ := do(t, server, "GET", get, "", "Authorization", "Bearer acct"); status != 200 {
		t.Errorf("bearer token: %d", status)
	}
}

func TestDisablingDeletesEverything(t *testing.T) {
	t.Parallel()
	mock, server := newServer(t, mockapi.Options{})
	do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
	do(t, server, "POST", "/api/instance/s3/shop", `{"enabled":false}`, "token", "acct")
	_, _, answer := do(t, server, "GET", "/api/instance/getS3/shop", "", "token", "acct")
	if strings.Contains(answer, "media") {
		t.Errorf("the bucket is still in the answer: %s", answer)
	}
	if n := len(mock.Requests()); n != 3 {
		t.Errorf("the journal has %d requests, not 3", n)
	}
}

// The mock can play each behaviour that RyzeAPI's contract leaves open.
func TestOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options    mockapi.Options
		path, want string
	}{
		"disabled, null":  {mockapi.Options{}, "getS3/other", `"bucket":null`},
		"disabled, empty": {mockapi.Options{Disabled: mockapi.DisabledEmpty}, "getS3/other", `"bucket":""`},
		"disabled, absent": {
			mockapi.Options{Disabled: mockapi.DisabledAbsent}, "getS3/other",
			`{"s3":{"enabled":false,"secretKey":null},"success":true}`,
		},
		"masked access key": {
			mockapi.Options{MaskAccessKey: func(string) string { return "A***" }}, "getS3/shop", `"accessKey":"A***"`,
		},
		"normalised prefix": {
			mockapi.Options{NormalizePathPrefix: strings.ToUpper}, "getS3/shop", `"pathPrefix":"A/"`,
		},
		"list, whole": {
			mockapi.Options{}, "list",
			`"s3":{"accessKey":"AKIA","bucket":"media","enabled":true,"endpoint":"","pathPrefix":"a/","region":"us-east-1"}`,
		},
		"list, partial": {
			mockapi.Options{ListS3: mockapi.ListPartial}, "list", `"s3":{"bucket":"media","enabled":true}`,
		},
		"list has the tokens": {mockapi.Options{}, "list", `"token":"acct-shop"`},
	} {
		_, server := newServer(t, c.options)
		do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
		_, _, answer := do(t, server, "GET", "/api/instance/"+c.path, "", "token", "acct")
		if !strings.Contains(answer, c.want) {
			t.Errorf("%s: %s", name, answer)
		}
	}
	_, server := newServer(t, mockapi.Options{ListS3: mockapi.ListMissing})
	_, _, answer := do(t, server, "GET", "/api/instance/list", "", "token", "acct")
	if strings.Contains(answer, `"s3"`) {
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
		if status != want.status || header.Get("X-Ratelimit-Remaining") != want.remaining ||
			header.Get("X-Ratelimit-Limit") != "2" || header.Get("X-Ratelimit-Reset") != "1767323105" ||
			header.Get("Date") != "Fri, 02 Jan 2026 03:04:05 GMT" {
			t.Errorf("request %d: %d %v", i+1, status, header)
		}
	}
	if status, _ := get("acct-shop"); status != 200 {
		t.Errorf("another token does not have its own limit: %d", status)
	}
	now = now.Add(time.Minute)
	if status, _ := get("acct"); status != 200 {
		t.Errorf("in the next window: %d", status)
	}
	_, unlimited := newServer(t, mockapi.Options{})
	_, header, _ := do(t, unlimited, "GET", "/api/instance/getS3/shop", "", "token", "acct")
	if header.Get("X-Ratelimit-Limit") != "" {
		t.Error("there are headers although there is no limit")
	}
}

func TestWhatIsLeftOfTheRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mock := mockapi.New(mockapi.Options{RateLimit: 2, Now: func() time.Time { return now }})
	account := mock.AddAccount("acct")
	account.AddInstance("shop")
	account.AddInstance("other")
	server := httptest.NewServer(mock)
	defer server.Close()
	left := func(when string, want ...mockapi.RateLimit) {
		t.Helper()
		if got := account.RateLimits(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	unused := []mockapi.RateLimit{{"", 2, 2, 0}, {"shop", 2, 2, 0}, {"other", 2, 2, 0}}
	left("before any request", unused...)
	for range 3 {
		do(t, server, "GET", "/api/instance/getS3/shop", "", "token", "acct")
	}
	now = now.Add(20 * time.Second)
	do(t, server, "GET", "/api/instance/getS3/shop", "", "token", "acct-shop")
	left("after four requests", mockapi.RateLimit{"", 2, 0, 40 * time.Second},
		mockapi.RateLimit{"shop", 2, 1, time.Minute}, mockapi.RateLimit{"other", 2, 2, 0})
	now = now.Add(time.Minute)
	left("after the windows", unused...)
	if limits := mockapi.New(mockapi.Options{}).AddAccount("acct").RateLimits(); limits != nil {
		t.Errorf("without a limit: %+v", limits)
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
		"cut off":        {mockapi.Truncate(), 200, `{"message":"S3 configuration updated"`, true},
	} {
		mock := mockapi.New(mockapi.Options{})
		account := mock.AddAccount("acct")
		account.AddInstance("shop")
		server := httptest.NewServer(mock)
		mock.Inject("GET", 1, mockapi.HTMLPage(500)) // for another method, so it is not played
		mock.Inject("POST", 1, mockapi.Named(name, c.fault))
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
		if first := mock.Requests()[0]; first.Status != c.status || first.Fault != name {
			t.Errorf("%s: the journal says %+v", name, first)
		}
		if second := mock.Requests()[1]; second.Fault != "" {
			t.Errorf("%s: the journal says that the second request met %q", name, second.Fault)
		}
	}
}

func TestRandomFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64, paths ...string) map[string][]string {
		choose, drawn := mockapi.RandomFaults(seed, 0.3), map[string][]string{}
		for _, path := range paths {
			name, fault := choose(httptest.NewRequest(http.MethodPost, path, nil))
			if (name == "") != (fault == nil) {
				t.Fatalf("the name is %q, but there is a fault: %v", name, fault != nil)
			}
			drawn[path] = append(drawn[path], name)
		}
		return drawn
	}
	// The n-th request to each path meets the same fault, whether the paths take turns or come one after the other.
	inTurn := slices.Repeat([]string{"/a", "/b", "/c"}, 1000)
	inARow := slices.Concat(slices.Repeat([]string{"/c"}, 1000), slices.Repeat([]string{"/a"}, 1000),
		slices.Repeat([]string{"/b"}, 1000))
	one, again := draw(1, inTurn...), draw(1, inARow...)
	if !reflect.DeepEqual(one, again) {
		t.Error("the same seed gives other faults")
	}
	if reflect.DeepEqual(one, draw(2, inTurn...)) {
		t.Error("another seed gives the same faults")
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

func TestRandomFaultsAreNamedInTheJournal(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var played []string
	choose := mockapi.RandomFaults(1, 1)
	mock, server := newServer(t, mockapi.Options{Fault: func(r *http.Request) mockapi.Fault {
		mu.Lock()
		defer mu.Unlock()
		for {
			if name, fault := choose(r); !strings.HasPrefix(name, "hanging") {
				played = append(played, name)
				return fault
			}
		}
	}})
	for range 20 {
		do(t, server, "POST", "/api/instance/s3/shop", enabledBody, "token", "acct")
	}
	server.Close() // ends every request, so that the journal is complete
	var journal []string
	for _, r := range mock.Requests() {
		journal = append(journal, r.Fault)
	}
	if !slices.Equal(journal, played) {
		t.Errorf("the journal says %q, but %q were played", journal, played)
	}
}

func TestHanging(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   mockapi.Fault
		applied bool
	}{
		"before processing": {mockapi.HangBefore(), false},
		"after processing":  {mockapi.HangAfter(), true},
	} {
		observed := make(chan mockapi.Request, 2)
		var seconds atomic.Int64 // the clock advances by a second whenever it is read
		mock := mockapi.New(mockapi.Options{
			Now:     func() time.Time { return time.Unix(seconds.Add(1), 0) },
			Observe: func(r mockapi.Request) { observed <- r },
		})
		account := mock.AddAccount("acct")
		account.AddInstance("shop")
		server := httptest.NewServer(mock)
		mock.Inject("", 1, mockapi.Named(name, c.fault))

		ctx, giveUp := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(
			ctx, http.MethodPost, server.URL+"/api/instance/s3/shop", strings.NewReader(enabledBody))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("token", "acct")
		answered := make(chan bool)
		go func() {
			response, err := http.DefaultTransport.RoundTrip(request)
			if err == nil {
				_ = response.Body.Close()
			}
			answered <- err == nil
		}()
		first := <-observed
		if !first.Hanging || first.Fault != name || first.Duration != 0 {
			t.Errorf("%s: at first %+v", name, first)
		}
		if journal := mock.Requests(); !reflect.DeepEqual(journal, []mockapi.Request{first}) {
			t.Errorf("%s: at first the journal is %+v", name, journal)
		}
		giveUp()
		if <-answered {
			t.Errorf("%s: there is an answer", name)
		}
		last := <-observed
		if last.Hanging || last.Status != 0 || last.Fault != name || last.Duration != time.Second {
			t.Errorf("%s: in the end %+v", name, last)
		}
		if journal := mock.Requests(); !reflect.DeepEqual(journal, []mockapi.Request{last}) {
			t.Errorf("%s: in the end the journal is %+v", name, journal)
		}
		if applied := account.S3("shop").Enabled; applied != c.applied {
			t.Errorf("%s: applied %v", name, applied)
		}
		server.Close()
	}
}
