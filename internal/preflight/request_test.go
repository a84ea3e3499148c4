package preflight

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// signatureOf is the signature that a request has to have, computed from what has arrived, as
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html says.
func signatureOf(r *http.Request, secret string) string {
	field := func(name string) string {
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), name+"=")
		value, _, _ := strings.Cut(rest, ",")
		return value
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	parameters := strings.Split(query, "&")
	slices.Sort(parameters)
	canonical := []string{r.Method, path, strings.Join(parameters, "&")}
	for name := range strings.SplitSeq(field("SignedHeaders"), ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		canonical = append(canonical, name+":"+value)
	}
	canonical = append(canonical, "", field("SignedHeaders"), r.Header.Get("X-Amz-Content-Sha256"))
	_, scope, _ := strings.Cut(field("Credential"), "/")
	hash := sha256.Sum256([]byte(strings.Join(canonical, "\n")))
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	toSign := []string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), scope, hex.EncodeToString(hash[:])}
	return hex.EncodeToString(mac(key, strings.Join(toSign, "\n")))
}

func mac(key []byte, text string) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write([]byte(text))
	return hash.Sum(nil)
}

// AWS is addressed by its regional host names, the bucket in front where it can be, another store by its own host and a
// path.
func TestAddressing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		endpoint, region, bucket string
		host, path, scope        string
	}{
		"AWS":              {"", "eu-west-1", "media", "media.s3.eu-west-1.amazonaws.com", "/", "eu-west-1/s3"},
		"the first region": {"", "us-east-1", "media", "media.s3.us-east-1.amazonaws.com", "/", "us-east-1/s3"},
		"its alias":        {"", "aws-global", "media", "media.s3.amazonaws.com", "/", "us-east-1/s3"},
		"a region in China": {
			"", "cn-north-1", "media", "media.s3.cn-north-1.amazonaws.com.cn", "/", "cn-north-1/s3",
		},
		"a government region": {
			"", "us-gov-west-1", "media", "media.s3.us-gov-west-1.amazonaws.com", "/", "us-gov-west-1/s3",
		},
		"a region to come": {"", "eu-north-9", "media", "media.s3.eu-north-9.amazonaws.com", "/", "eu-north-9/s3"},
		"a dot in the name": {
			"", "eu-west-1", "media.example.com", "s3.eu-west-1.amazonaws.com", "/media.example.com", "eu-west-1/s3",
		},
		"capitals, as of old": {"", "us-east-1", "Media", "s3.us-east-1.amazonaws.com", "/Media", "us-east-1/s3"},
		"a directory bucket": {
			"", "us-west-2", "media--usw2-az1--x-s3", "media--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com", "/",
			"us-west-2/s3express",
		},
		"another store": {"https://store.example.com", "eu-1", "media", "store.example.com", "/media", "eu-1/s3"},
		"no region": {
			"https://store.example.com", "", "media", "store.example.com", "/media", "us-east-1/s3",
		},
		"a tenant's bucket": {
			"https://store.example.com", "", "tenant:media", "store.example.com", "/tenant%3Amedia", "us-east-1/s3",
		},
		"one below a path": {
			"https://store.example.com:9000/s3", "eu-1", "media", "store.example.com:9000", "/s3/media", "eu-1/s3",
		},
		"slashes at the end": {
			"https://store.example.com/s3//", "eu-1", "media", "store.example.com", "/s3/media", "eu-1/s3",
		},
		"a path with a blank": {
			"https://store.example.com/a%20b", "eu-1", "media", "store.example.com", "/a%20b/media", "eu-1/s3",
		},
		"the usual port": {
			"https://store.example.com:443", "eu-1", "media", "store.example.com", "/media", "eu-1/s3",
		},
		"over http": {"http://store.example.com/", "eu-1", "media", "store.example.com", "/media", "eu-1/s3"},
		"an umlaut": {
			"https://bücher.example", "eu-1", "media", "xn--bcher-kva.example", "/media", "eu-1/s3",
		},
		"an underscore": {"http://my_store", "eu-1", "media", "my_store", "/media", "eu-1/s3"},
		"an address":    {"https://[2001:db8::1]", "eu-1", "media", "[2001:db8::1]", "/media", "eu-1/s3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checker := playing(t, func(w http.ResponseWriter, r *http.Request) {
				path, query, _ := strings.Cut(r.RequestURI, "?")
				if r.Host != c.host || path != c.path || query != "list-type=2&max-keys=1&prefix=" {
					t.Errorf("%s, %s", r.Host, r.RequestURI)
				}
				if authorization := r.Header.Get("Authorization"); !strings.Contains(authorization, "/"+c.scope+"/aws4_request") ||
					!strings.HasSuffix(authorization, "Signature="+signatureOf(r, "secret")) {
					t.Errorf("%s, not %s", authorization, signatureOf(r, "secret"))
				}
				succeed(w, r)
			})
			target := Target{Endpoint: c.endpoint, Region: c.region, Bucket: c.bucket, PathPrefix: "shop/", AccessKey: "AKIA"}
			if result, err := checker.Look(t.Context(), target, "secret"); err != nil || result.Reason != Fine {
				t.Errorf("%s, %+v, %v", result.Reason, result, err)
			}
		})
	}
}

func TestIsAWS(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		"": true, "https://s3.amazonaws.com": true, "https://S3.eu-west-1.AmazonAWS.com/": true,
		"https://s3.cn-north-1.amazonaws.com.cn": true, "https://store.example.com": false,
		"https://amazonaws.com.example.com": false, "https://notamazonaws.com": false, ":": false,
	} {
		if got := (Target{Endpoint: endpoint}).IsAWS(); got != want {
			t.Errorf("%q: %t", endpoint, got)
		}
	}
}

// What cannot work by its form is known without asking.
func TestForm(t *testing.T) {
	t.Parallel()
	aws := func(region, bucket, key string) Target { return Target{Region: region, Bucket: bucket, AccessKey: key} }
	at := func(region, bucket, key string) Target {
		return Target{Endpoint: "https://store.example.com", Region: region, Bucket: bucket, AccessKey: key}
	}
	for name, c := range map[string]struct {
		target Target
		want   Reason
	}{
		"nothing known yet":       {Target{}, Fine},
		"a usual one":             {aws("eu-west-1", "media", "AKIAEXAMPLE"), Fine},
		"a government region":     {aws("us-gov-east-1", "media", ""), Fine},
		"a secret region":         {aws("us-iso-east-1", "media", ""), Fine},
		"the European cloud":      {aws("eusc-de-east-1", "media", ""), Fine},
		"two digits":              {aws("ap-southeast-12", "media", ""), Fine},
		"underscores":             {aws("us_east_1", "media", ""), NoSuchRegion},
		"its title":               {aws("US East (N. Virginia)", "media", ""), NoSuchRegion},
		"a zone":                  {aws("us-east-1a", "media", ""), NoSuchRegion},
		"another store's":         {aws("auto", "media", ""), NoSuchRegion},
		"an old location":         {aws("EU", "media", ""), NoSuchRegion},
		"any region elsewhere":    {at("auto", "media", ""), Fine},
		"a scheme":                {at("", "s3://media", ""), InvalidBucketName},
		"a path":                  {at("", "media/sub", ""), InvalidBucketName},
		"a slash at the end":      {aws("", "media/", ""), InvalidBucketName},
		"an ARN":                  {aws("", "arn:aws:s3:::media", ""), InvalidBucketName},
		"a line's end":            {aws("", "media\n", ""), InvalidBucketName},
		"capitals and a tenant":   {at("", "tenant:My_Media", ""), Fine},
		"a temporary key":         {aws("eu-west-1", "media", "ASIAEXAMPLE"), TemporaryAccessKey},
		"one of another store":    {at("eu-west-1", "media", "ASIAEXAMPLE"), Fine},
		"a key with a line's end": {at("", "media", "minio\n"), MalformedAccessKey},
		"a key with signs":        {at("", "media", "test:tester+/="), Fine},
	} {
		result := c.target.Form()
		if result.Reason != c.want || (result.Message == "") != (c.want == Fine) || result.Status != 0 {
			t.Errorf("%s: %s, %+v", name, result.Reason, result)
		}
		if c.want == Fine {
			continue
		}
		checker := playing(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: asked", name) })
		if asked, err := checker.Write(t.Context(), c.target, "secret"); err != nil || asked != result {
			t.Errorf("%s: %+v, %v", name, asked, err)
		}
	}
}

// A region has a host, whatever the bucket: where there is none, and AWS can be found otherwise, there is no such
// region.
func TestARegionWithoutAHost(t *testing.T) {
	t.Parallel()
	missing := &net.DNSError{Err: "no such host", Name: "media.s3.eu-wset-1.amazonaws.com", IsNotFound: true}
	for name, c := range map[string]struct {
		endpoint string
		dns      *net.DNSError
		lookup   error
		want     Reason
		said     string
	}{
		"no such region":  {"", missing, nil, NoSuchRegion, "there is no host media.s3.eu-wset-1.amazonaws.com"},
		"no names at all": {"", missing, errors.New("no such host"), NoAnswer, "could not be looked up: no such host"},
		"a fault of DNS": {
			"", &net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}, nil, NoAnswer, "the host x could not",
		},
		"a store elsewhere": {"https://store.example.com", missing, nil, NoAnswer, "could not be looked up: no such host"},
	} {
		checker := impatient()
		checker.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: c.dns}
		}
		checker.lookup = func(_ context.Context, host string) ([]string, error) {
			if host != "s3.amazonaws.com" {
				t.Errorf("looked up %s", host)
			}
			return nil, c.lookup
		}
		target := Target{Endpoint: c.endpoint, Region: "eu-wset-1", Bucket: "media", AccessKey: "AKIA"}
		result, err := checker.Look(t.Context(), target, "secret")
		if err != nil || result.Reason != c.want || !strings.Contains(result.Message, c.said) {
			t.Errorf("%s: %s, %+v, %v", name, result.Reason, result, err)
		}
	}
}

// https to a port that speaks http, http to one that speaks https: the answer says just that.
func TestTheWrongScheme(t *testing.T) {
	t.Parallel()
	quiet := func(server *httptest.Server) *httptest.Server {
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(server.Close)
		return server
	}
	plain := quiet(httptest.NewUnstartedServer(http.NotFoundHandler()))
	plain.Start()
	encrypted := quiet(httptest.NewUnstartedServer(http.NotFoundHandler()))
	encrypted.StartTLS()
	silent := answering(t, "")
	alert := answering(t, "\x15\x03\x01\x00\x02\x02\x46") // what OpenSSL says to a request without TLS
	for endpoint, want := range map[string]Result{
		strings.Replace(plain.URL, "http:", "https:", 1): {Reason: NeedsHTTP, Message: "the endpoint speaks http"},
		strings.Replace(encrypted.URL, "https:", "http:", 1): {
			Reason: NeedsHTTPS, Message: "the endpoint speaks https", Status: 400,
		},
		"http://" + alert:  {Reason: NeedsHTTPS, Message: "the endpoint speaks https"},
		"http://" + silent: {Reason: NoAnswer, Message: "the connection was closed without an answer"},
	} {
		result, err := impatient().Look(t.Context(), Target{Endpoint: endpoint, Bucket: "media", AccessKey: "AKIA"}, "secret")
		result.mayBeThere = false
		if err != nil || result != want {
			t.Errorf("%s: %s, %+v, %v", endpoint, result.Reason, result, err)
		}
	}
}

// answering serves the same bytes to every connection.
func answering(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Read(make([]byte, 1024))
			_, _ = io.WriteString(connection, text)
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

// What cannot be reached is left open, in its time.
func TestUnreachableStores(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it never accepts
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for endpoint, want := range map[string]struct {
		reason Reason
		said   string
	}{
		"http://" + silent.Addr().String(): {NoAnswer, "no answer in time"},
		"http://" + closed.Addr().String(): {NoAnswer, "connection refused"},
		"ftp://store.example.com":          {NoAnswer, "not an http:// or https:// URL"},
		untrusted.URL:                      {Untrusted, "certificate signed by unknown authority"},
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			target := Target{Endpoint: endpoint, Bucket: "media", AccessKey: "writer"}
			checker := New()
			checker.Time = 2 * time.Second
			result, err := checker.Look(t.Context(), target, "writer-secret")
			if err != nil || result.Reason != want.reason || !strings.Contains(result.Message, want.said) {
				t.Errorf("%s, %+v, %v", result.Reason, result, err)
			}
			if took := time.Since(start); took > 2*checker.Time {
				t.Errorf("after %s", took)
			}
		})
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	other := served(t, func(http.ResponseWriter, *http.Request) { t.Error("followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		target := served(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.Endpoint)
			w.WriteHeader(status)
		})
		result, err := impatient().Look(t.Context(), target, "secret")
		if err != nil || result.Reason != NotS3 || result.Endpoint != other.Endpoint {
			t.Errorf("%d: %+v, %v", status, result, err)
		}
	}
}

// The rules by which AWS is addressed refuse some names before anything is sent.
func TestNamesThatHaveNoAddress(t *testing.T) {
	t.Parallel()
	for bucket, want := range map[string]Result{
		"media--x-s3": {Reason: InvalidBucketName, Message: "AWS has no buckets with such a name"},
		"media":       {Reason: NoSuchRegion, Message: "AWS has no region of this name"},
	} {
		target := Target{Region: "us-east-1", Bucket: bucket, AccessKey: "AKIA"}
		if want.Reason == NoSuchRegion {
			target.Region = ""
		}
		checker := playing(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: asked", bucket) })
		if result, err := checker.Look(t.Context(), target, "secret"); err != nil || result != want {
			t.Errorf("%s: %s, %+v, %v", bucket, result.Reason, result, err)
		}
	}
}

// What a store says may come before a person on a terminal.
func TestWhatIsSaidIsPrintable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 1000)
	target := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "<Error><Code>X&#x9b;31m"+long+"</Code><Message>\u009b31m\u202e"+long+"</Message></Error>")
	})
	result, err := impatient().Look(t.Context(), target, "secret")
	said := result.said()
	if err != nil || strings.ContainsAny(said, "\u009b\u202e") || len(said) > 3*maxMessage || len(said) < maxMessage {
		t.Errorf("%q, %v", said, err)
	}
}
