package ryzeapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzErrorBody: whatever a server answers, the error is short, printable, and without secrets.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"success":false,"error":{"message":"Instance not found"}}`, `{"success":false,"error":"c4nary-secret"}`,
		`{"success":false,"message":"c4nary-secret"}`, `{"success":false}`, `{"success":true}`,
		`{"success":null,"error":[]}`, `{"success":false,"error":{"message":{"x":1}}}`, `{"success":"false"}`,
		``, `null`, `[]`, `"x"`, `{`, "<html>\x1b[31m</html>", "\xff\xfe",
		`{"success":false,"error":"\u001b[31m\u0000` + strings.Repeat("é", 600) + `"}`,
		`{"success":false,"error":"c4nary-sec` + "\n" + `ret"}`,
	} {
		f.Add(200, "application/json", body, "https://other.example.com/c4nary-secret?x")
		f.Add(500, "text/html", body, ":")
		f.Add(302, "", body, "//c4nary-secret/\x00")
	}
	f.Fuzz(func(t *testing.T, status int, contentType, body, location string) {
		header := http.Header{"Content-Type": {contentType}, "Location": {location}}
		response := &http.Response{StatusCode: status, Header: header}
		err := checkAnswer(response, []byte(body), []Secret{NewSecret("c4nary-secret")})
		if err == nil {
			if status >= 300 {
				t.Errorf("status %d is a success", status)
			}
			return
		}
		message := err.Error()
		if strings.Contains(message, "c4nary-secret") {
			t.Errorf("the secret is in %q", message)
		}
		if !utf8.ValidString(message) || strings.ContainsFunc(message, isControl) {
			t.Errorf("not printable: %q", message)
		}
		if utf8.RuneCountInString(message) > maxMessage+100 {
			t.Errorf("too long: %q", message)
		}
	})
}

// FuzzDecodeS3: an answer is decoded in full or refused, and only one that has "enabled" can mean disabled storage.
func FuzzDecodeS3(f *testing.F) {
	for _, answer := range []string{
		`{"success":true,"s3":{"enabled":true,"region":"us-east-1","bucket":"media","accessKey":"AKIA","secretKey":null,` +
			`"endpoint":null,"pathPrefix":"a/"}}`,
		`{"success":true,"s3":{"enabled":false}}`, `{"success":true,"s3":{}}`, `{"s3":null}`, `{"s3":[]}`,
		`{"s3":{"enabled":"false"}}`, `{"s3":{"enabled":true,"bucket":7}}`,
		`{"s3":{"enabled":false},"s3":{"enabled":true}}`, `{"S3":{"ENABLED":false}}`, `null`, ``, `{`,
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		s3, err := clientOf(nil, nil).S3("shop").decode([]byte(answer))
		if err != nil {
			if s3 != (S3{}) || strings.ContainsFunc(err.Error(), isControl) {
				t.Errorf("%+v, %q", s3, err)
			}
			return
		}
		if !strings.Contains(strings.ToLower(answer), "enabled") && !strings.Contains(answer, `\u`) {
			t.Errorf("%q is decoded as %+v", answer, s3)
		}
	})
}

// FuzzDecodeObjects: an answer about another object of an instance is decoded in full or refused, and never mistaken
// for one that is disabled.
func FuzzDecodeObjects(f *testing.F) {
	for _, answer := range []string{
		`{"webhooks":[{"label":"a","enabled":true,"url":"https://a","authorization":"x","byEvents":false,"events":null}]}`,
		`{"webhook":{"label":"default","enabled":false}}`, `{"webhooks":[]}`, `{"webhooks":[null]}`, `{"webhooks":{}}`,
		`{"websocket":{"enabled":true,"events":["call.update"],"mediaBase64":true}}`, `{"websocket":null}`,
		`{"proxy":{"enabled":true,"host":"p","port":1080,"protocol":"http","username":null}}`, `{"proxy":{"port":"1"}}`,
		`{"settings":{"autoRejectCalls":false,"callRejectMessage":"","ignoreGroupMessages":false,"keepOnlineStatus":false,` +
			`"autoReadMessages":false,"disableHistorySync":true,"ignoreStatus":false}}`,
		`{}`, `null`, ``, `{`,
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		client := clientOf(nil, nil)
		_, webhookErr := client.Webhook("shop", "a").decode([]byte(answer))
		_, websocketErr := client.Websocket("shop").decode([]byte(answer))
		_, proxyErr := client.Proxy("shop").decode([]byte(answer))
		_, settingsErr := client.Settings("shop").decode([]byte(answer))
		lower := strings.ToLower(answer)
		for word, err := range map[string]error{
			"webhook": webhookErr, "websocket": websocketErr, "proxy": proxyErr, "ignorestatus": settingsErr,
		} {
			if err == nil && !strings.Contains(lower, word) && !strings.Contains(answer, `\u`) {
				t.Errorf("%q is decoded as %s", answer, word)
			}
			if err != nil && strings.ContainsFunc(err.Error(), isControl) {
				t.Errorf("%q", err)
			}
		}
	})
}

// FuzzDecodeList: a list is decoded in full or refused, and its S3 storage is decoded as that of a read.
func FuzzDecodeList(f *testing.F) {
	for _, answer := range []string{
		`{"success":true,"instances":[{"id":"1","name":"shop","token":"t","status":"active",` +
			`"connection":{"state":"connected","numberJid":null},"profile":{"name":"x","isBusiness":true},` +
			`"s3":{"enabled":true,"region":"r","bucket":"b","accessKey":"AKIA","endpoint":null,"pathPrefix":"a/"}}]}`,
		`{"instances":[{"name":"a","id":7,"s3":{"enabled":true,"bucket":"b"}},{"name":"b","s3":true},` +
			`{"name":"c","s3":null},{"name":"d"}]}`,
		`{"instances":[]}`, `{"instances":null}`, `{"instances":{}}`, `{"instances":[null]}`,
		`{"instances":[{"name":""}]}`, `{"instances":[{"name":7}]}`, `{}`, `null`, ``, `{`,
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		instances, err := decodeList([]byte(answer))
		if err != nil {
			if instances != nil || strings.ContainsFunc(err.Error(), isControl) {
				t.Errorf("%+v, %q", instances, err)
			}
			return
		}
		hasEnabled := strings.Contains(strings.ToLower(answer), "enabled") || strings.Contains(answer, `\u`)
		for _, i := range instances {
			if _, ok := clientOf(nil, nil).S3(i.Name).Listed(i); i.Name == "" || ok && !hasEnabled {
				t.Errorf("%q is decoded as %+v", answer, i)
			}
		}
	})
}

// FuzzRateLimit: whatever the headers say, no wait is longer than the maximum, and a budget admits requests.
func FuzzRateLimit(f *testing.F) {
	now, today := strconv.FormatInt(time.Now().Unix(), 10), time.Now().UTC().Format(http.TimeFormat)
	for _, c := range [][4]string{
		{"99", now, "", ""}, {"0", now, today, ""}, {"-1", "-1", "", "-1"}, {"", "", "", "120"},
		{"0", "9223372036854775807", "", "9223372036854775807"},
		{"2147483648", "-9223372036854775808", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"},
		{"0x10", "1e9", "yesterday", "soon"}, {"0", "0", "Thu, 01 Jan 1970 00:00:00 GMT", "0"},
	} {
		f.Add(200, c[0], c[1], c[2], c[3])
		f.Add(429, c[0], c[1], c[2], c[3])
	}
	f.Fuzz(func(t *testing.T, status int, remaining, reset, date, after string) {
		header := http.Header{
			"X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset}, "Date": {date}, "Retry-After": {after},
		}
		limit := parseRateLimit(status, header)
		for _, wait := range []time.Duration{limit.pause(), limit.retryAfter, limit.untilReset} {
			if wait < 0 || wait > maxServerWait {
				t.Errorf("a wait of %s: %+v", wait, limit)
			}
		}
		b := newBudget()
		for range 3 {
			ticket := admitted(t, b)
			start := time.Now()
			b.release(ticket, status, limit)
			next := b.nextAdmission(start, waits)
			if next.Sub(start) > maxServerWait+2*maxResetJitter {
				t.Fatalf("the next request may be sent in %s", next.Sub(start))
			}
			if next.After(start) {
				return // the next request would have to wait
			}
		}
	})
}

// FuzzInstanceName: a name that is accepted reaches the server unchanged, at the right path.
func FuzzInstanceName(f *testing.F) {
	for _, name := range []string{
		"shop-1", "", ".", "..", "a/b", "../list", "a,b", "a?b", "a#b", "100%", "%2e%2e", "é ü", " a", "a\n", "\xff",
		"a;b", "\u202e", "..%2f",
	} {
		f.Add(name)
	}
	mux := http.NewServeMux()
	var got string
	mux.HandleFunc("GET /api/instance/getS3/{instance}", func(_ http.ResponseWriter, r *http.Request) {
		got = r.PathValue("instance")
	})
	f.Fuzz(func(t *testing.T, name string) {
		if err := CheckInstanceName(name); err != nil {
			if strings.ContainsFunc(err.Error(), isControl) {
				t.Errorf("%q", err)
			}
			return
		}
		address := "https://host/api/instance/getS3/" + url.PathEscape(name)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = ""
		mux.ServeHTTP(discard{}, request)
		if got != name {
			t.Errorf("%q reaches the server as %q", name, got)
		}
	})
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// FuzzParseURL: what is accepted is an http or https URL with a host and nothing secret, and an error never repeats
// what was given.
func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{
		"https://ryzeapi.cloud", "http://127.0.0.1:8080/base/", "https://[::1]:9000", "https://user:c4nary@host",
		"https://c4nary@host", "https://host?c4nary", "https://host#c4nary", "ftp://c4nary", "c4nary", "https://",
		"https://c4nary:port", "https://c4\x00nary", "//c4nary", "https:c4nary", "https://host/%zz-c4nary", "HTTP://HOST",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseURL(raw)
		if err != nil {
			if strings.Contains(err.Error(), "c4nary") {
				t.Errorf("%q repeats the URL", err)
			}
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			t.Errorf("%q is accepted as %+v", raw, u)
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q is accepted with what may be secret", raw)
		}
		address := strings.TrimRight(u.String(), "/") + "/api/instance/list"
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil); err != nil {
			t.Errorf("%q is accepted, but no request can be made: %v", raw, err)
		}
	})
}
